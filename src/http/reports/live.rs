//! Who watches right now, and how it goes: metrics of this process, counted as reports are accepted. The read models
//! know more, and know it of every process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clipper_domain::SessionId;
use clipper_domain::cmcd::{Cmcd, Key};
use clipper_domain::report::PlayerState;
use quick_cache::sync::Cache;

/// Sessions that are remembered; beyond, those that were quiet the longest are forgotten.
const SESSIONS: usize = 100_000;
/// A session that was quiet for two and a half intervals has ended.
const QUIET_MS: i64 = 75_000;
/// Between two records lies no more than this: what is longer is a device that slept.
const LONGEST_STEP_MS: i64 = 120_000;

/// The sessions that report to this process.
#[derive(Clone)]
pub(crate) struct Live {
    sessions: Arc<Cache<SessionId, Seen>>,
    playing_ms: Arc<AtomicU64>,
    rebuffering_ms: Arc<AtomicU64>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            sessions: Arc::new(Cache::new(SESSIONS)),
            playing_ms: Arc::default(),
            rebuffering_ms: Arc::default(),
        }
    }
}

/// What is known of a session.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    /// When it reported last, by our clock.
    at_ms: i64,
    ts: Option<i64>,
    state: Option<PlayerState>,
    asked_at: Option<i64>,
    started: bool,
    playing_ms: u64,
    rebuffering_ms: u64,
}

/// What a report adds to what was known: kept once the report is.
pub(super) struct Addition {
    session: SessionId,
    seen: Seen,
    is_new: bool,
    playing_ms: u64,
    rebuffering_ms: u64,
    startup_ms: Option<u64>,
    stalls: u64,
    switches: u64,
    ended: Option<Ending>,
}

#[derive(Clone, Copy, PartialEq)]
enum Ending {
    Left,
    Failed,
}

impl Live {
    /// What these records tell, at a time of ours.
    pub(super) fn read(&self, session: SessionId, records: &[Cmcd], now_ms: i64) -> Addition {
        let known = self.sessions.get(&session);
        let mut addition = Addition {
            session,
            is_new: known.is_none(),
            seen: known.unwrap_or_default(),
            playing_ms: 0,
            rebuffering_ms: 0,
            startup_ms: None,
            stalls: 0,
            switches: 0,
            ended: None,
        };
        addition.seen.at_ms = now_ms;
        for record in records {
            addition.step(record);
        }
        addition
    }

    /// Counts it.
    pub(super) fn keep(&self, addition: Addition) {
        self.playing_ms.fetch_add(addition.playing_ms, Ordering::Relaxed);
        self.rebuffering_ms
            .fetch_add(addition.rebuffering_ms, Ordering::Relaxed);
        if addition.is_new {
            metrics::counter!("clipper_qoe_sessions_started_total").increment(1);
        }
        if let Some(startup) = addition.startup_ms {
            metrics::histogram!("clipper_qoe_startup_seconds").record(seconds(startup));
        }
        metrics::counter!("clipper_qoe_stalls_total").increment(addition.stalls);
        metrics::counter!("clipper_qoe_switches_total").increment(addition.switches);
        let seen = &addition.seen;
        let watched = seen.playing_ms + seen.rebuffering_ms;
        if addition.ended.is_some() && watched > 0 {
            let share = seconds(seen.rebuffering_ms) / seconds(watched);
            metrics::histogram!("clipper_qoe_rebuffer_ratio").record(share);
        }
        if addition.ended == Some(Ending::Failed) {
            metrics::counter!("clipper_qoe_sessions_failed_total").increment(1);
        }
        self.sessions.insert(addition.session, addition.seen);
    }

    /// Shows what has added up.
    pub(crate) fn gauge(&self, now_ms: i64) {
        let is_there = |seen: &Seen| now_ms - seen.at_ms < QUIET_MS && ending(seen.state).is_none();
        let viewers = self.sessions.iter().filter(|(_, seen)| is_there(seen)).count();
        metrics::gauge!("clipper_viewers").set(u32::try_from(viewers).unwrap_or(u32::MAX));
        metrics::counter!("clipper_qoe_playing_seconds_total")
            .absolute(self.playing_ms.load(Ordering::Relaxed) / 1_000);
        metrics::counter!("clipper_qoe_rebuffering_seconds_total")
            .absolute(self.rebuffering_ms.load(Ordering::Relaxed) / 1_000);
    }
}

impl Addition {
    fn step(&mut self, record: &Cmcd) {
        let Some(ts) = record.int(Key::Ts) else {
            return;
        };
        let state = record.text(Key::Sta).and_then(PlayerState::from_token);
        let before = self.seen.state;
        let elapsed = self.seen.ts.map_or(0, |before| ts - before);
        let elapsed = elapsed.clamp(0, LONGEST_STEP_MS).unsigned_abs();
        if before == Some(PlayerState::Playing) {
            self.playing_ms += elapsed;
            self.seen.playing_ms += elapsed;
        } else if before == Some(PlayerState::Rebuffering) {
            self.rebuffering_ms += elapsed;
            self.seen.rebuffering_ms += elapsed;
        }
        if record.text(Key::E) == Some("bc") {
            self.switches += 1;
        }
        if let Some(delay) = record.int(Key::Msd) {
            self.start(delay);
        }
        if let Some(state) = state {
            self.enter(before, state, ts);
        }
        self.seen.ts = self.seen.ts.max(Some(ts));
        self.seen.state = state.or(before);
    }

    fn enter(&mut self, before: Option<PlayerState>, state: PlayerState, ts: i64) {
        match state {
            PlayerState::Starting if before != Some(PlayerState::Starting) => self.seen.asked_at = Some(ts),
            PlayerState::Playing => {
                if let Some(asked_at) = self.seen.asked_at {
                    self.start(ts - asked_at);
                }
            }
            PlayerState::Rebuffering if before == Some(PlayerState::Playing) => self.stalls += 1,
            PlayerState::Starting
            | PlayerState::Rebuffering
            | PlayerState::Seeking
            | PlayerState::Paused
            | PlayerState::Ended
            | PlayerState::Fatal
            | PlayerState::Quit
            | PlayerState::Preloading => {}
        }
        if ending(before).is_none() {
            self.ended = ending(Some(state)).or(self.ended);
        }
    }

    /// A session starts once.
    fn start(&mut self, delay_ms: i64) {
        if !std::mem::replace(&mut self.seen.started, true) {
            self.startup_ms = Some(delay_ms.clamp(0, LONGEST_STEP_MS).unsigned_abs());
        }
    }
}

fn ending(state: Option<PlayerState>) -> Option<Ending> {
    match state? {
        PlayerState::Ended | PlayerState::Quit => Some(Ending::Left),
        PlayerState::Fatal => Some(Ending::Failed),
        PlayerState::Starting
        | PlayerState::Playing
        | PlayerState::Seeking
        | PlayerState::Rebuffering
        | PlayerState::Paused
        | PlayerState::Preloading => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds stay far below 2^52")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use clipper_domain::cmcd::Value;

    use super::*;

    fn record(ts: i64, sta: PlayerState) -> Cmcd {
        Cmcd::default()
            .with(Key::Ts, Value::Int(ts))
            .with(Key::E, Value::Token("ps".to_owned()))
            .with(Key::Sta, Value::Token(sta.token().to_owned()))
    }

    #[test]
    fn time_is_counted_across_reports_and_only_when_they_are_kept() {
        let live = Live::default();
        let session: SessionId = "0190c9b4-7b1a-7cc4-a3a1-0f0f0f0f0f0f".parse().unwrap();
        let first = [
            record(1_000, PlayerState::Starting),
            record(1_400, PlayerState::Playing),
        ];
        assert_eq!(live.read(session, &first, 0).startup_ms, Some(400));
        let addition = live.read(session, &first, 0);
        assert!(addition.is_new);
        assert_eq!(addition.startup_ms, Some(400));
        live.keep(addition);
        let second = [
            record(11_400, PlayerState::Rebuffering),
            record(13_400, PlayerState::Playing),
            record(14_400, PlayerState::Ended),
        ];
        let addition = live.read(session, &second, 30_000);
        assert!(!addition.is_new);
        assert_eq!(
            (addition.playing_ms, addition.rebuffering_ms, addition.stalls),
            (11_000, 2_000, 1)
        );
        assert!(addition.ended == Some(Ending::Left));
        assert_eq!(addition.startup_ms, None);
    }
}
