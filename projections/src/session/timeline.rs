//! A session's course: what a walk along its records comes past. Times are milliseconds since its first record.

use clipper_domain::report::PlayerState;
use serde::Serialize;

use super::Moment;

/// What happened when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// States, one after the other, without gaps.
    pub segments: Vec<Segment>,
    /// Each change of rendition, the first one included.
    pub renditions: Vec<Rendition>,
    /// The stalls that count.
    pub stalls: Vec<Stall>,
    /// Errors, and requests that failed.
    pub errors: Vec<Failure>,
    /// Milliseconds of buffer, as they were reported.
    pub buffer_ms: Vec<Point>,
    /// The bit rate in kbit/s.
    pub bitrate_kbps: Vec<Point>,
    /// What the player takes the network for, in kbit/s.
    pub throughput_kbps: Vec<Point>,
    /// Where the playhead stood, in milliseconds.
    pub playhead_ms: Vec<Point>,
    /// The last segment is over: a stall that follows it at once is another one.
    #[serde(skip)]
    over: bool,
}

/// A time and a value.
pub type Point = (i64, i64);

/// A state for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// `idle`, `starting`, `playing`, `seeking`, `stalled`, `paused`, `ended`, `failed`, `left`.
    pub state: &'static str,
    /// Its beginning.
    pub start_ms: i64,
    /// Its end.
    pub end_ms: i64,
    /// The time between them.
    pub duration_ms: i64,
    /// What of it counts: less, where the player was away.
    pub counted_ms: i64,
}

/// A rendition from a time on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rendition {
    /// Since when.
    pub at_ms: i64,
    /// Its name, where the player says it.
    pub quality: Option<String>,
    /// Its bit rate.
    pub bitrate_kbps: Option<i64>,
}

/// A stall.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stall {
    /// Its beginning.
    pub start_ms: i64,
    /// Its end.
    pub end_ms: i64,
    /// What of it counts.
    pub duration_ms: i64,
    /// Nobody saw it.
    pub background: bool,
    /// It began soon after a seek.
    pub after_seek: bool,
}

/// Something that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// When.
    pub at_ms: i64,
    /// The player's codes; of a request, `http.` and its status.
    pub codes: Vec<String>,
    /// It ended the session.
    pub fatal: bool,
}

impl Timeline {
    /// A stretch of time in a state.
    pub(super) fn spend(&mut self, state: &'static str, from: i64, to: i64, counted: i64) {
        let over = std::mem::take(&mut self.over);
        match self.segments.last_mut() {
            Some(last) if last.state == state && !over => {
                last.end_ms = to;
                last.duration_ms = to - last.start_ms;
                last.counted_ms += counted;
            }
            _ => self.segments.push(Segment {
                state,
                start_ms: from,
                end_ms: to,
                duration_ms: to - from,
                counted_ms: counted,
            }),
        }
    }

    /// The stall that is the last state was too short to be seen as one.
    pub(super) fn smooth(&mut self) {
        if let Some(last) = self.segments.pop_if(|last| last.state == "stalled") {
            self.spend("playing", last.start_ms, last.end_ms, last.counted_ms);
        }
    }

    /// The last state was a stall that counts.
    pub(super) fn stall(&mut self, ms: i64, background: bool, after_seek: bool) {
        self.over = true;
        let last = self.segments.last();
        if let Some(last) = last.filter(|last| last.state == "stalled") {
            self.stalls.push(Stall {
                start_ms: last.start_ms,
                end_ms: last.end_ms,
                duration_ms: ms,
                background,
                after_seek,
            });
        }
    }

    /// A record.
    pub(super) fn pass(&mut self, at: i64, moment: &Moment) {
        let points = [
            (&mut self.buffer_ms, moment.buffer_ms),
            (&mut self.bitrate_kbps, moment.bitrate_kbps),
            (&mut self.throughput_kbps, moment.throughput_kbps),
            (&mut self.playhead_ms, moment.playhead_ms),
        ];
        for (points, value) in points {
            points.extend(value.map(|value| (at, value)));
        }
        let fatal = moment.state == Some(PlayerState::Fatal);
        if moment.event == "e" || fatal || !moment.errors.is_empty() {
            self.errors.push(Failure {
                at_ms: at,
                codes: moment.errors.clone(),
                fatal,
            });
        }
        if let Some(response) = moment.response.filter(|response| response.has_failed()) {
            self.errors.push(Failure {
                at_ms: at,
                codes: vec![format!("http.{}", response.code)],
                fatal: false,
            });
        }
    }

    /// The rendition from here on.
    pub(super) fn render(&mut self, at: i64, quality: Option<&str>, bitrate_kbps: Option<i64>) {
        let last = self.renditions.last();
        let same =
            last.is_some_and(|last| last.quality.as_deref() == quality && last.bitrate_kbps == bitrate_kbps);
        if !same && (quality.is_some() || bitrate_kbps.is_some()) {
            self.renditions.push(Rendition {
                at_ms: at,
                quality: quality.map(str::to_owned),
                bitrate_kbps,
            });
        }
    }
}
