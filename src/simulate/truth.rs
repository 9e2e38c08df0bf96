//! What really happened: per session, and over all of them.

use clipper_domain::report::PlayerState;
use serde::Serialize;
use uuid::Uuid;

use super::Millis;
use super::abr::Rule;

/// A stall that is shorter is not noticed, and is told apart.
pub const NOTICED: Millis = 250;

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Played to the end.
    Ended,
    /// The viewer had seen enough.
    Left,
    /// The viewer did not wait for the first frame.
    LeftStarting,
    /// The viewer did not wait for a stall or a seek to be over.
    LeftWaiting,
    /// The server did not give what was asked for.
    Failed,
    /// The simulation was broken off.
    Stopped,
}

/// What a session came to. Times are the player's, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Measures {
    /// From the wish to play to the first frame.
    pub startup_ms: Option<Millis>,
    /// Starting, playing, stalled and seeking.
    pub watched_ms: Millis,
    /// Playing.
    pub playing_ms: Millis,
    /// Stalled, all of it.
    pub rebuffer_ms: Millis,
    /// Stalls, all of them.
    pub rebuffer_count: u32,
    /// Stalled for less than a quarter of a second.
    pub short_rebuffer_ms: Millis,
    /// Stalls of less than a quarter of a second.
    pub short_rebuffer_count: u32,
    /// Seeking.
    pub seek_ms: Millis,
    /// Seeks.
    pub seek_count: u32,
    /// Paused.
    pub paused_ms: Millis,
    /// Pauses.
    pub pause_count: u32,
    /// Changes to a better rendition on the screen.
    pub upshifts: u32,
    /// Changes to a lesser one.
    pub downshifts: u32,
    /// Declared bits of what was shown.
    pub bits_played: u64,
    /// Bytes that came, what was thrown away included.
    pub bytes: u64,
    /// Playlists and segments that were asked for.
    pub requests: u32,
    /// Of these, broken off by the viewer.
    pub aborted: u32,
    /// Records that were made.
    pub records: u64,
    /// Milliseconds of media in the buffer, times the watched milliseconds for which they were.
    #[serde(skip)]
    buffer_area: u64,
}

impl Measures {
    /// Time passes in a state, with a buffer that changes evenly.
    pub(super) fn pass(&mut self, state: PlayerState, elapsed: Millis, buffer: (Millis, Millis)) {
        match state {
            PlayerState::Playing => self.playing_ms += elapsed,
            PlayerState::Rebuffering => self.rebuffer_ms += elapsed,
            PlayerState::Seeking => self.seek_ms += elapsed,
            PlayerState::Paused => self.paused_ms += elapsed,
            PlayerState::Starting
            | PlayerState::Ended
            | PlayerState::Fatal
            | PlayerState::Quit
            | PlayerState::Preloading => {}
        }
        let watched = [
            PlayerState::Starting,
            PlayerState::Playing,
            PlayerState::Rebuffering,
            PlayerState::Seeking,
        ];
        if watched.contains(&state) {
            self.watched_ms += elapsed;
            self.buffer_area += elapsed * (buffer.0 + buffer.1) / 2;
        }
    }

    /// A stall is over.
    pub(super) fn stalled(&mut self, ms: Millis) {
        self.rebuffer_count += 1;
        if ms < NOTICED {
            self.short_rebuffer_count += 1;
            self.short_rebuffer_ms += ms;
        }
    }

    /// Changes of rendition on the screen.
    pub fn switches(&self) -> u32 {
        self.upshifts + self.downshifts
    }

    /// The mean of what was shown.
    pub fn bitrate_kbps(&self) -> Option<f64> {
        ratio(self.bits_played, self.playing_ms)
    }

    /// The mean buffer while watching.
    pub fn buffer_ms(&self) -> Option<f64> {
        ratio(self.buffer_area, self.watched_ms)
    }
}

#[expect(clippy::cast_precision_loss, reason = "ratios need no exact integers")]
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// What became of a session's reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Batches that the server has acknowledged, repetitions included.
    pub delivered: u64,
    /// Batches that were lost on purpose.
    pub lost: u64,
    /// Records in them.
    pub lost_records: u64,
    /// Batches that were sent twice on purpose.
    pub duplicated: u64,
    /// Batches that were overtaken by the next one on purpose.
    pub reordered: u64,
    /// Batches that the server would not have, or that it could not be reached for.
    pub refused: u64,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Which of the viewers.
    pub viewer: u32,
    /// The session's identity in the reports.
    pub session: Uuid,
    /// When it began, in Unix milliseconds.
    pub began_at: i64,
    /// The recorded network.
    pub network: String,
    /// How the player chose renditions.
    pub abr: Rule,
    /// How it reported.
    pub form: Form,
    /// How it ended.
    pub outcome: Outcome,
    /// The rendition that was shown longest.
    pub quality: Option<String>,
    /// The mean of the renditions' declared bit rates, by how long each was shown.
    pub bitrate_kbps: Option<f64>,
    /// The mean buffer while watching.
    pub buffer_ms: Option<f64>,
    /// Changes of rendition on the screen.
    pub switches: u32,
    /// What it came to.
    #[serde(flatten)]
    pub measures: Measures,
    /// What became of its reports.
    #[serde(flatten)]
    pub told: Told,
}

/// The form of a player's reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Batches of ours.
    Json,
    /// CMCD v2, event mode.
    Cmcd,
}

/// What happened to all sessions together. Ratios are ratios of sums.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Viewers who came.
    pub sessions: usize,
    /// Sessions that showed a first frame.
    pub plays: usize,
    /// Sessions by how they ended.
    pub outcomes: Outcomes,
    /// Of the plays: median, and the times that nine of ten, nineteen of twenty, 99 of 100 did not exceed.
    pub startup_ms: Option<Percentiles>,
    /// Seconds watched.
    pub watched_s: f64,
    /// Seconds played.
    pub playing_s: f64,
    /// Stalls.
    pub rebuffer_count: u64,
    /// Seconds stalled.
    pub rebuffer_s: f64,
    /// Stalled time in watched time.
    pub rebuffer_ratio: Option<f64>,
    /// Plays without a stall.
    pub rebuffer_free: usize,
    /// Changes of rendition on the screen.
    pub switches: u64,
    /// The mean of what was shown.
    pub bitrate_kbps: Option<f64>,
    /// Seeks.
    pub seeks: u64,
    /// Pauses.
    pub pauses: u64,
    /// Bytes of playlists and segments.
    pub bytes: u64,
    /// Playlists and segments that were asked for.
    pub requests: u64,
    /// Records that were made.
    pub records: u64,
    /// Batches that the server acknowledged.
    pub reports: u64,
    /// Batches lost on purpose.
    pub reports_lost: u64,
    /// Records in them.
    pub records_lost: u64,
    /// Batches sent twice on purpose.
    pub reports_duplicated: u64,
    /// Batches overtaken on purpose.
    pub reports_reordered: u64,
    /// Batches that the server would not have.
    pub reports_refused: u64,
}

/// Sessions by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "see `Outcome`")]
pub struct Outcomes {
    pub ended: usize,
    pub left: usize,
    pub left_starting: usize,
    pub left_waiting: usize,
    pub failed: usize,
    pub stopped: usize,
}

/// Values that so many of a hundred do not exceed, by the nearest rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Percentiles {
    pub p50: Millis,
    pub p90: Millis,
    pub p95: Millis,
    pub p99: Millis,
}

impl Percentiles {
    fn of(mut values: Vec<Millis>) -> Option<Self> {
        values.sort_unstable();
        let rank = |percent: usize| {
            let rank = (values.len() * percent).div_ceil(100).max(1);
            values.get(rank - 1).copied()
        };
        Some(Self {
            p50: rank(50)?,
            p90: rank(90)?,
            p95: rank(95)?,
            p99: rank(99)?,
        })
    }
}

impl Outcomes {
    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Ended => self.ended += 1,
            Outcome::Left => self.left += 1,
            Outcome::LeftStarting => self.left_starting += 1,
            Outcome::LeftWaiting => self.left_waiting += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Stopped => self.stopped += 1,
        }
    }
}

impl Summary {
    /// Sums up.
    pub fn of(rows: &[Row]) -> Self {
        let sum = |of: fn(&Row) -> u64| rows.iter().map(of).sum::<u64>();
        let plays: Vec<&Row> = rows
            .iter()
            .filter(|row| row.measures.startup_ms.is_some())
            .collect();
        let mut outcomes = Outcomes::default();
        for row in rows {
            outcomes.count(row.outcome);
        }
        let (watched, playing) = (
            sum(|row| row.measures.watched_ms),
            sum(|row| row.measures.playing_ms),
        );
        let stalled = sum(|row| row.measures.rebuffer_ms);
        Self {
            sessions: rows.len(),
            plays: plays.len(),
            outcomes,
            startup_ms: Percentiles::of(plays.iter().filter_map(|row| row.measures.startup_ms).collect()),
            watched_s: seconds(watched),
            playing_s: seconds(playing),
            rebuffer_count: sum(|row| row.measures.rebuffer_count.into()),
            rebuffer_s: seconds(stalled),
            rebuffer_ratio: ratio(stalled, watched),
            rebuffer_free: plays
                .iter()
                .filter(|row| row.measures.rebuffer_count == 0)
                .count(),
            switches: sum(|row| row.switches.into()),
            bitrate_kbps: ratio(sum(|row| row.measures.bits_played), playing),
            seeks: sum(|row| row.measures.seek_count.into()),
            pauses: sum(|row| row.measures.pause_count.into()),
            bytes: sum(|row| row.measures.bytes),
            requests: sum(|row| row.measures.requests.into()),
            records: sum(|row| row.measures.records),
            reports: sum(|row| row.told.delivered),
            reports_lost: sum(|row| row.told.lost),
            records_lost: sum(|row| row.told.lost_records),
            reports_duplicated: sum(|row| row.told.duplicated),
            reports_reordered: sum(|row| row.told.reordered),
            reports_refused: sum(|row| row.told.refused),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds stay far below 2^52")]
fn seconds(ms: Millis) -> f64 {
    ms as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let hundred = Percentiles::of((1..=100).rev().collect()).unwrap();
        assert_eq!(
            (hundred.p50, hundred.p90, hundred.p95, hundred.p99),
            (50, 90, 95, 99)
        );
        let one = Percentiles::of(vec![7]).unwrap();
        assert_eq!((one.p50, one.p99), (7, 7));
        assert_eq!(Percentiles::of(vec![]), None);
    }
}
