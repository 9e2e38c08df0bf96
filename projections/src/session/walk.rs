//! The state machine: a walk along the records in the order of the player's clock.

mod carry;
mod events;
mod spend;

use clipper_domain::report::PlayerState;

use self::carry::Carry;
use super::measures::{Measures, Outcome};
use super::order::Placed;
use super::timeline::Timeline;

/// A stall that is shorter is not seen as one.
const SHORTEST_STALL_MS: i64 = 250;
/// Seeks that follow each other this soon are one.
const ONE_SEEK_MS: i64 = 2_000;
/// A stall this soon after a seek is the seek's.
const AFTER_SEEK_MS: i64 = 2_000;
/// Who leaves this soon after a stall leaves because of it.
const ABANDON_MS: i64 = 10_000;
/// Who leaves sooner has not waited.
const PATIENCE_MS: i64 = 1_000;

/// What time counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    /// As nothing.
    Idle,
    Starting,
    Playing,
    Seeking,
    Stalled {
        background: bool,
        near_seek: bool,
        ms: i64,
    },
    Paused,
    Over,
}

impl Label {
    /// As timelines have it.
    fn name(self, state: Option<PlayerState>) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Starting => "starting",
            Self::Playing => "playing",
            Self::Seeking => "seeking",
            Self::Stalled { .. } => "stalled",
            Self::Paused => "paused",
            Self::Over if state == Some(PlayerState::Ended) => "ended",
            Self::Over if state == Some(PlayerState::Fatal) => "failed",
            Self::Over => "left",
        }
    }
}

struct Walk {
    measures: Measures,
    label: Label,
    state: Option<PlayerState>,
    carry: Carry,
    /// Whether the player reports also when nothing happens.
    beats: bool,
    seek_ended: Option<i64>,
    stall_ended: Option<i64>,
    numbers: Option<(i64, i64)>,
    /// What it comes past, where somebody wants to know.
    timeline: Option<Timeline>,
}

pub(super) fn walk(placed: &[Placed<'_>]) -> Measures {
    along(placed, None).0
}

/// What a walk comes past.
pub(super) fn follow(placed: &[Placed<'_>]) -> Timeline {
    along(placed, Some(Timeline::default())).1.unwrap_or_default()
}

fn along(placed: &[Placed<'_>], timeline: Option<Timeline>) -> (Measures, Option<Timeline>) {
    let mut walk = Walk {
        measures: Measures {
            first_at: placed.first().map_or(0, |first| first.at),
            ..Measures::default()
        },
        label: Label::Idle,
        state: None,
        carry: Carry::default(),
        beats: placed.iter().any(|placed| placed.moment.event == "t"),
        seek_ended: None,
        stall_ended: None,
        numbers: None,
        timeline,
    };
    let mut before = walk.measures.first_at;
    for placed in placed {
        walk.spend(before, placed);
        walk.carry.take(placed.moment);
        walk.happen(placed.moment);
        walk.tell(placed);
        if let Some(state) = placed.moment.state
            && walk.state != Some(state)
        {
            walk.enter(state, placed.at);
        }
        before = placed.at;
    }
    walk.finish(before)
}

impl Walk {
    fn enter(&mut self, state: PlayerState, at: i64) {
        self.close(at);
        self.state = Some(state);
        let played = self.measures.played;
        self.label = match state {
            PlayerState::Preloading => Label::Idle,
            PlayerState::Starting => self.ask(),
            PlayerState::Playing => self.play(),
            PlayerState::Seeking if played => self.seek(at),
            PlayerState::Rebuffering if self.label == Label::Playing => Label::Stalled {
                background: self.carry.background,
                near_seek: self.seek_ended.is_some_and(|ended| at - ended < AFTER_SEEK_MS),
                ms: 0,
            },
            // What has not begun to play still starts; what waits inside a seek still seeks.
            PlayerState::Seeking | PlayerState::Rebuffering => match self.label {
                Label::Starting => Label::Starting,
                Label::Seeking => Label::Seeking,
                Label::Idle | Label::Playing | Label::Stalled { .. } | Label::Paused | Label::Over => {
                    Label::Idle
                }
            },
            PlayerState::Paused => Label::Paused,
            PlayerState::Ended => {
                self.measures.completed |= played;
                Label::Over
            }
            PlayerState::Fatal => {
                self.measures.failed = true;
                self.measures.error = self.carry.error.clone();
                Label::Over
            }
            PlayerState::Quit => {
                self.leave(at);
                Label::Over
            }
        };
    }

    fn ask(&mut self) -> Label {
        self.measures.attempted = true;
        Label::Starting
    }

    fn play(&mut self) -> Label {
        if !self.measures.played {
            let waited = self.measures.attempted.then_some(self.measures.starting_ms);
            self.measures.startup_ms = self.measures.startup_ms.or(waited);
            self.measures.attempted = true;
            self.measures.played = true;
        }
        Label::Playing
    }

    fn seek(&mut self, at: i64) -> Label {
        let goes_on = self.seek_ended.is_some_and(|ended| at - ended < ONE_SEEK_MS);
        if !goes_on || self.measures.seeks.is_empty() {
            self.measures.seeks.push(0);
        }
        Label::Seeking
    }

    /// Ends what was under way. A stall that was too short to be seen was playing.
    fn close(&mut self, at: i64) {
        match self.label {
            Label::Stalled {
                background,
                near_seek,
                ms,
            } => {
                // What cut a stall short is told by what is entered; the label decides only what follows playing.
                if ms < SHORTEST_STALL_MS {
                    self.measures.playing_ms += ms;
                    if let Some(timeline) = &mut self.timeline {
                        timeline.smooth();
                    }
                } else if background {
                    self.measures.background_rebuffer_ms += ms;
                } else {
                    self.measures.rebuffer_ms += ms;
                    self.measures.stalls += 1;
                    self.measures.connection_rebuffer_ms += if near_seek { 0 } else { ms };
                    self.stall_ended = Some(at);
                }
                if let Some(timeline) = self.timeline.as_mut().filter(|_| ms >= SHORTEST_STALL_MS) {
                    timeline.stall(ms, background, near_seek);
                }
            }
            Label::Seeking => self.seek_ended = Some(at),
            Label::Idle | Label::Starting | Label::Playing | Label::Paused | Label::Over => {}
        }
    }

    fn leave(&mut self, at: i64) {
        let soon = self.stall_ended.is_some_and(|ended| at - ended <= ABANDON_MS);
        self.measures.abandoned |= self.measures.played && soon;
    }

    fn tell(&mut self, placed: &Placed<'_>) {
        if let Some(timeline) = &mut self.timeline {
            let at = placed.at - self.measures.first_at;
            timeline.pass(at, placed.moment);
            timeline.render(at, self.carry.quality.as_deref(), self.carry.bitrate_kbps);
        }
    }

    fn finish(mut self, at: i64) -> (Measures, Option<Timeline>) {
        self.measures.truncated = !matches!(self.label, Label::Idle | Label::Over);
        if matches!(self.label, Label::Stalled { .. }) {
            self.close(at);
            self.leave(at);
        }
        self.count_numbers();
        let measures = &mut self.measures;
        measures.last_at = at;
        measures.last_state = self.state.map(PlayerState::token);
        measures.last_quality = self.carry.quality.take();
        if measures.failed {
            measures.warnings = (measures.warnings - 1).max(0);
        }
        measures.outcome = outcome(measures);
        (self.measures, self.timeline)
    }
}

fn outcome(measures: &Measures) -> Outcome {
    let refused = measures.error.as_deref().is_some_and(events::is_refusal);
    match (measures.failed, measures.played, measures.attempted) {
        (true, _, _) if refused => Outcome::Refused,
        (true, true, _) => Outcome::FailedMidway,
        (true, false, _) => Outcome::FailedToStart,
        (false, true, _) => Outcome::Played,
        (false, false, true) if measures.starting_ms < PATIENCE_MS => Outcome::Brief,
        (false, false, true) => Outcome::LeftBeforeStart,
        (false, false, false) => Outcome::Idle,
    }
}
