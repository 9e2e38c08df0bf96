//! The state machine of a playback session: records in, measures out.
//!
//! Time spent in a state is the difference of the player's own clock between two records, never arrival times.
//! A stall counts only after playing, and one that follows a seek belongs to the seek.

use std::collections::BTreeMap;

use clipper_domain::PersonId;
use clipper_domain::report::{PlayerState, Record, Report};
use serde::{Deserialize, Serialize};

/// What is known of a session so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) clip: String,
    pub(crate) clip_id: Option<uuid::Uuid>,
    pub(crate) viewer: Option<PersonId>,
    pub(crate) first_ts: i64,
    pub(crate) startup_ms: Option<i64>,
    pub(crate) watched_ms: i64,
    pub(crate) playing_ms: i64,
    pub(crate) rebuffer_ms: i64,
    pub(crate) switches: i64,
    pub(crate) stalls: i64,
    throughput: Weighted,
    buffer: Weighted,
    played_on: BTreeMap<String, i64>,
    last: Option<Last>,
    started_at: Option<i64>,
}

/// The latest record's state of affairs, which holds until the next record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Last {
    ts: i64,
    state: Option<PlayerState>,
    quality: Option<String>,
    throughput_kbps: Option<i64>,
    buffer_ms: Option<i64>,
}

/// A mean weighted by the milliseconds for which each value held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Weighted {
    sum: f64,
    weight_ms: i64,
    latest: Option<i64>,
}

impl Weighted {
    #[expect(
        clippy::cast_precision_loss,
        reason = "kbit/s and milliseconds stay far below 2^52"
    )]
    fn hold(&mut self, value: Option<i64>, elapsed_ms: i64) {
        let Some(value) = value else { return };
        self.latest = Some(value);
        self.sum += value as f64 * elapsed_ms as f64;
        self.weight_ms += elapsed_ms;
    }

    #[expect(clippy::cast_precision_loss, reason = "see `hold`")]
    fn mean(&self) -> Option<f64> {
        if self.weight_ms > 0 {
            Some(self.sum / self.weight_ms as f64)
        } else {
            self.latest.map(|v| v as f64)
        }
    }
}

impl Session {
    pub(crate) fn fold(&mut self, report: &Report) {
        if self.last.is_none() {
            self.clip.clone_from(&report.clip);
            self.clip_id = report.clip_id;
            self.first_ts = report
                .records
                .iter()
                .map(|record| record.ts)
                .min()
                .unwrap_or(report.sent_at);
        }
        self.viewer = self.viewer.or(report.viewer);
        for record in &report.records {
            self.step(record);
        }
    }

    fn step(&mut self, record: &Record) {
        let before = self.last.take().unwrap_or(Last {
            ts: record.ts,
            ..Last::default()
        });
        let elapsed_ms = (record.ts - before.ts).max(0);
        self.spend(&before, elapsed_ms);
        if let Some(state) = record.sta {
            self.enter(before.state, state, record.ts);
        }
        if record.e == "bc" {
            self.switches += 1;
        }
        self.startup_ms = self.startup_ms.or(record.msd);
        let last = Last {
            ts: record.ts.max(before.ts),
            state: record.sta.or(before.state),
            quality: record.quality.clone().or(before.quality),
            throughput_kbps: record.mtp.or(before.throughput_kbps),
            buffer_ms: record.bl.or(before.buffer_ms),
        };
        self.throughput.hold(last.throughput_kbps, 0);
        self.buffer.hold(last.buffer_ms, 0);
        self.last = Some(last);
    }

    fn spend(&mut self, before: &Last, elapsed_ms: i64) {
        let Some(state) = before.state else { return };
        match state {
            PlayerState::Playing => {
                self.playing_ms += elapsed_ms;
                if let Some(quality) = &before.quality {
                    *self.played_on.entry(quality.clone()).or_default() += elapsed_ms;
                }
            }
            PlayerState::Rebuffering => self.rebuffer_ms += elapsed_ms,
            PlayerState::Starting | PlayerState::Seeking => {}
            PlayerState::Paused
            | PlayerState::Ended
            | PlayerState::Fatal
            | PlayerState::Quit
            | PlayerState::Preloading => return,
        }
        self.watched_ms += elapsed_ms;
        self.throughput.hold(before.throughput_kbps, elapsed_ms);
        self.buffer.hold(before.buffer_ms, elapsed_ms);
    }

    fn enter(&mut self, before: Option<PlayerState>, state: PlayerState, ts: i64) {
        match (before, state) {
            (Some(PlayerState::Starting), PlayerState::Starting) => {}
            (_, PlayerState::Starting) => self.started_at = Some(ts),
            (Some(PlayerState::Playing), PlayerState::Rebuffering) => self.stalls += 1,
            (_, PlayerState::Playing) if self.startup_ms.is_none() => {
                self.startup_ms = self.started_at.map(|started_at| ts - started_at);
            }
            _ => {}
        }
    }

    pub(crate) fn bandwidth_mbps(&self) -> Option<f64> {
        self.throughput.mean().map(|kbps| kbps / 1_000.0)
    }

    pub(crate) fn buffer_health_s(&self) -> Option<f64> {
        self.buffer.mean().map(|ms| ms / 1_000.0)
    }

    /// The rendition with most playing time; the latest one named, before any was played.
    pub(crate) fn quality(&self) -> Option<&str> {
        let most = self
            .played_on
            .iter()
            .max_by_key(|(_, ms)| **ms)
            .map(|(quality, _)| quality.as_str());
        most.or_else(|| self.last.as_ref()?.quality.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(ts: i64, e: &str, sta: Option<PlayerState>) -> Record {
        Record {
            ts,
            e: e.to_owned(),
            sta,
            ..Record::default()
        }
    }

    fn report(records: Vec<Record>) -> Report {
        Report {
            clip: "c".to_owned(),
            clip_id: None,
            viewer: None,
            sent_at: 0,
            records,
        }
    }

    #[test]
    fn a_session_with_one_stall_and_one_switch() {
        let mut session = Session::default();
        let mut playing = record(1_800, "ps", Some(PlayerState::Playing));
        playing.quality = Some("480p".to_owned());
        playing.mtp = Some(4_000);
        let mut switched = record(3_800, "bc", None);
        switched.quality = Some("1080p".to_owned());
        session.fold(&report(vec![
            record(1_000, "ps", Some(PlayerState::Starting)),
            playing,
            switched,
        ]));
        session.fold(&report(vec![
            record(9_800, "ps", Some(PlayerState::Rebuffering)),
            record(10_300, "ps", Some(PlayerState::Playing)),
            record(11_300, "ps", Some(PlayerState::Ended)),
        ]));
        assert_eq!(session.startup_ms, Some(800));
        assert_eq!(
            (session.playing_ms, session.rebuffer_ms, session.watched_ms),
            (9_000, 500, 10_300)
        );
        assert_eq!((session.switches, session.stalls), (1, 1));
        assert_eq!(session.quality(), Some("1080p"));
        assert_eq!(session.bandwidth_mbps(), Some(4.0));
    }

    #[test]
    fn a_stall_during_a_seek_is_no_stall() {
        let mut session = Session::default();
        session.fold(&report(vec![
            record(0, "ps", Some(PlayerState::Playing)),
            record(1_000, "ps", Some(PlayerState::Seeking)),
            record(1_100, "ps", Some(PlayerState::Rebuffering)),
            record(1_400, "ps", Some(PlayerState::Playing)),
        ]));
        assert_eq!(session.stalls, 0);
    }

    #[test]
    fn paused_time_is_not_watched() {
        let mut session = Session::default();
        session.fold(&report(vec![
            record(0, "ps", Some(PlayerState::Playing)),
            record(1_000, "ps", Some(PlayerState::Paused)),
            record(60_000, "ps", Some(PlayerState::Playing)),
            record(61_000, "ps", Some(PlayerState::Quit)),
        ]));
        assert_eq!(session.watched_ms, 2_000);
    }
}
