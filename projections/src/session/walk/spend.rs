//! Where the time between two records goes.

use super::{Label, Walk};
use crate::session::Moment;
use crate::session::order::Placed;

/// A player that reports every thirty seconds and is silent for longer was not there: asleep, or out of reach.
const SILENCE_MS: i64 = 90_000;
/// How much faster than the clock a playhead may seem to go: it is read a moment later.
const SLACK_MS: i64 = 1_500;

impl Walk {
    pub(super) fn spend(&mut self, before: i64, placed: &Placed<'_>) {
        let elapsed = placed.at - before;
        if elapsed <= 0 {
            return;
        }
        let state = self.label.name(self.state);
        let counted = self.count(before, elapsed, placed);
        if let Some(timeline) = &mut self.timeline {
            let began = self.measures.first_at;
            timeline.spend(state, before - began, placed.at - began, counted);
        }
    }

    /// Tells how much of the time counts.
    fn count(&mut self, before: i64, elapsed: i64, placed: &Placed<'_>) -> i64 {
        let silent = self.beats && elapsed > SILENCE_MS;
        let ms = match self.label {
            Label::Idle | Label::Over => return elapsed,
            Label::Paused => {
                self.measures.paused_ms += elapsed;
                return elapsed;
            }
            Label::Playing => self.play_for(elapsed, silent, placed.moment),
            Label::Starting | Label::Seeking | Label::Stalled { .. } if silent => 0,
            Label::Starting | Label::Seeking | Label::Stalled { .. } => elapsed,
        };
        let measures = &mut self.measures;
        match &mut self.label {
            Label::Starting if !measures.played => measures.starting_ms += ms,
            Label::Seeking => {
                measures.seek_ms += ms;
                if let Some(seek) = measures.seeks.last_mut() {
                    *seek += ms;
                }
            }
            Label::Stalled {
                background,
                ms: stalled,
                ..
            } => {
                *stalled += ms;
                *background |= placed.moment.background;
            }
            Label::Idle | Label::Starting | Label::Playing | Label::Paused | Label::Over => {}
        }
        self.watch_for(ms, before);
        ms
    }

    /// What counts whatever the viewer saw.
    fn watch_for(&mut self, ms: i64, from: i64) {
        if ms <= 0 {
            return;
        }
        let measures = &mut self.measures;
        measures.watched_ms += ms;
        measures.background_ms += if self.carry.background { ms } else { 0 };
        measures.throughput.hold(self.carry.throughput_kbps, ms);
        measures.buffer.hold(self.carry.buffer_ms, ms);
        measures.latency.hold(self.carry.latency_ms, ms);
        match measures.active.last_mut() {
            Some((_, to)) if *to == from => *to += ms,
            _ => measures.active.push((from, from + ms)),
        }
    }

    /// Tells how much of the time counts as playing: all, but of a silence only what the playhead confirms.
    fn play_for(&mut self, elapsed: i64, silent: bool, moment: &Moment) -> i64 {
        // Where a seek leads to is no progress.
        let playhead = moment.playhead_ms.filter(|_| !moment.is_seek());
        let rate = self.carry.rate.unwrap_or(1_000).clamp(0, 16_000);
        let at_rate = |ms: i64| ms.saturating_mul(rate) / 1_000;
        let moved = self.carry.playhead_ms.zip(playhead).map(|(from, to)| to - from);
        let plausible = at_rate(elapsed) + at_rate(elapsed) / 4 + SLACK_MS;
        self.measures.implausible |= moved.is_some_and(|moved| moved > plausible);
        let confirmed = moved.filter(|moved| (0..=plausible).contains(moved));
        let ms = match (silent, confirmed) {
            (false, _) => elapsed,
            (true, Some(moved)) if rate > 0 => (moved.saturating_mul(1_000) / rate).min(elapsed),
            (true, _) => 0,
        };
        let media = confirmed.unwrap_or_else(|| at_rate(ms));
        // A playhead that jumps back without a word of it went on from where it stood for all we know; one that is told for
        // the first time came from where it would have stood.
        let stood = self
            .carry
            .playhead_ms
            .or_else(|| playhead.map(|to| (to - media).max(0)));
        if let Some(from) = stood {
            self.show(from, from + media);
            self.carry.playhead_ms = Some(from + media);
        }
        self.measures.playing_ms += ms;
        self.measures.media_ms += media;
        self.render(ms, media);
        ms
    }

    fn show(&mut self, from: i64, to: i64) {
        match self.measures.passes.last_mut() {
            Some((_, end)) if *end == from => *end = to,
            _ if to > from => self.measures.passes.push((from, to)),
            _ => {}
        }
    }

    /// In which rendition it was.
    fn render(&mut self, ms: i64, media: i64) {
        let (measures, carry) = (&mut self.measures, &self.carry);
        if let Some(quality) = &carry.quality {
            *measures.renditions.entry(quality.clone()).or_default() += ms;
        }
        if let Some(bitrate) = carry.bitrate_kbps {
            measures.bits = measures.bits.saturating_add(bitrate.saturating_mul(media));
            measures.rated_ms += media;
            if let Some(top) = carry.top_kbps {
                measures.top_known_ms += ms;
                measures.top_ms += if bitrate >= top { ms } else { 0 };
            }
        }
        if let Some(scale) = carry.scale {
            measures.upscale += (scale - 1_000).max(0) * media;
            measures.downscale += (1_000 - scale).max(0) * media;
            measures.sharpness += (1_000_000 / scale.max(1)).min(1_000) * media;
            measures.scaled_ms += media;
        }
    }
}
