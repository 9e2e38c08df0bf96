//! What a session is counted with, and where.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{ColumnIndex, Decode, FromRow, Type};

use super::cell::{Distribution, Key, Level, Sketches};
use super::packed::{Reader, put, put_bytes, put_signed};
use super::sums::Sums;
use super::viewers;
use crate::session::Measures;
use crate::streaming_analytics::SessionRow;
use crate::{Arg, Column, Kind, Row};

/// What sessions are divided by.
pub const DIMENSIONS: [&str; 6] = ["quality", "country", "device", "player", "os", "host"];
/// The length of what somebody watches "at the same time".
pub const SLOT_MS: i64 = 10_000;
/// The first ten seconds of a session in which it is one of the concurrent: a day of them. Clocks of players lie.
const MOST_SLOTS: i64 = 8_640;
/// More than a session can honestly have of anything. A million of these still add up.
const MOST: i64 = 1 << 43;
/// The most sessions that one stands for.
const HEAVIEST: i64 = 1_000;

/// A session as it is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRow {
    /// The session's UUID as text.
    pub id: String,
    /// When it began: it counts in the buckets of this instant.
    pub counted_at: DateTime<Utc>,
    /// The clip's UUID as text, or nothing.
    pub clip: String,
    /// Its value of each dimension, or nothing.
    pub values: [String; DIMENSIONS.len()],
    /// The viewer's name as a number.
    pub viewer: Option<i64>,
    /// What it adds, as often as it weighs.
    pub sums: Sums,
    /// What it adds to distributions.
    pub sketches: Sketches,
    /// In which ten seconds it was watched: the first, counted from 1970, and how many.
    pub slots: Vec<(i64, i64)>,
}

impl MemberRow {
    /// How a session is counted; robots are not.
    pub fn of(row: &SessionRow) -> Option<Self> {
        if row.bot {
            return None;
        }
        let session = row.session();
        let measures = session.measures();
        let weight = row.weight.clamp(1, HEAVIEST);
        let mut sums = Sums::default();
        sums.add(&sums_of(row, &measures), weight);
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        Some(Self {
            id: row.id.clone(),
            counted_at: row.created_at,
            clip: text(&row.clip_id),
            values: [
                text(&row.quality),
                row.country.clone(),
                row.device.clone(),
                row.player.clone(),
                row.os.clone(),
                row.host.clone(),
            ],
            viewer: row.viewer.as_deref().map(viewers::hash),
            sums,
            sketches: sketches_of(row, &measures, weight),
            slots: slots_of(&measures, session.skew_ms()),
        })
    }

    /// The cells that it counts in.
    pub fn keys(&self) -> Vec<Key> {
        let mut keys = vec![];
        let all = String::new();
        for level in Level::ALL {
            let bucket = level.bucket(self.counted_at);
            for clip in [Some(&all), Some(&self.clip).filter(|clip| !clip.is_empty())]
                .into_iter()
                .flatten()
            {
                let mut push = |dimension, value: &String| {
                    keys.push(Key {
                        level,
                        bucket,
                        clip: clip.clone(),
                        dimension,
                        value: value.clone(),
                    });
                };
                push("", &all);
                if level != Level::Minute {
                    DIMENSIONS
                        .iter()
                        .zip(&self.values)
                        .for_each(|(name, value)| push(name, value));
                }
            }
        }
        keys
    }

    fn body(&self) -> Vec<u8> {
        let mut bytes = vec![];
        let values = self.sums.values();
        put(&mut bytes, values.len() as u64);
        for value in values {
            put_signed(&mut bytes, value);
        }
        put_bytes(&mut bytes, &self.sketches.pack());
        put(&mut bytes, self.slots.len() as u64);
        let mut before = 0;
        for (from, count) in &self.slots {
            put_signed(&mut bytes, from - before);
            put_signed(&mut bytes, *count);
            before = *from;
        }
        bytes
    }
}

/// What was packed as a body.
type Body = (Sums, Sketches, Vec<(i64, i64)>);

fn unpack(bytes: &[u8]) -> Option<Body> {
    let mut reader = Reader(bytes);
    let count = reader.take()?;
    let sums: Option<Vec<i64>> = (0..count).map(|_| reader.take_signed()).collect();
    let sketches = Sketches::unpack(reader.take_bytes()?);
    let (mut slots, mut from) = (vec![], 0_i64);
    for _ in 0..reader.take()? {
        from = from.checked_add(reader.take_signed()?)?;
        slots.push((from, reader.take_signed()?));
    }
    Some((Sums::of(sums?), sketches, slots))
}

impl Row for MemberRow {
    const COLUMNS: &'static [Column] = &[
        Column {
            name: "id",
            kind: Kind::Uuid,
        },
        Column {
            name: "counted_at",
            kind: Kind::Time,
        },
        Column {
            name: "clip",
            kind: Kind::Text,
        },
        Column {
            name: "quality",
            kind: Kind::Text,
        },
        Column {
            name: "country",
            kind: Kind::Text,
        },
        Column {
            name: "device",
            kind: Kind::Text,
        },
        Column {
            name: "player",
            kind: Kind::Text,
        },
        Column {
            name: "os",
            kind: Kind::Text,
        },
        Column {
            name: "host",
            kind: Kind::Text,
        },
        Column {
            name: "viewer",
            kind: Kind::Int,
        },
        Column {
            name: "body",
            kind: Kind::Bytes,
        },
    ];

    fn values(&self) -> Vec<Arg> {
        let mut values = vec![
            Arg::Uuid(self.id.parse().ok()),
            self.counted_at.into(),
            self.clip.as_str().into(),
        ];
        values.extend(self.values.iter().map(|value| Arg::from(value.as_str())));
        values.push(self.viewer.into());
        values.push(Arg::Bytes(Some(self.body())));
        values
    }
}

impl<'r, R: sqlx::Row> FromRow<'r, R> for MemberRow
where
    usize: ColumnIndex<R>,
    DateTime<Utc>: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
    Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        let body: Vec<u8> = row.try_get(10)?;
        let (sums, sketches, slots) = unpack(&body).unwrap_or_default();
        Ok(Self {
            id: row.try_get(0)?,
            counted_at: row.try_get(1)?,
            clip: row.try_get(2)?,
            values: [
                row.try_get(3)?,
                row.try_get(4)?,
                row.try_get(5)?,
                row.try_get(6)?,
                row.try_get(7)?,
                row.try_get(8)?,
            ],
            viewer: row.try_get(9)?,
            sums,
            sketches,
            slots,
        })
    }
}

#[expect(clippy::too_many_lines, reason = "a table: a line for each sum")]
fn sums_of(row: &SessionRow, m: &Measures) -> Sums {
    let is = |outcome: &str| i64::from(row.outcome == outcome);
    let known = |value: Option<f64>| i64::from(value.is_some());
    // Sessions of which only a summary came have no more than it says.
    let watched = if row.watched_ms > 0 {
        row.watched_ms
    } else {
        whole(row.session_duration * 1_000.0)
    };
    let rated = if m.rated_ms > 0 {
        m.rated_ms
    } else {
        known(row.average_bitrate_kbps) * row.media_ms
    };
    let startup = row.startup_ms.filter(|_| row.played);
    let first_frame = row.first_frame_ms.filter(|_| row.played);
    let sums = Sums {
        sessions: 1,
        attempts: row.attempted.into(),
        plays: row.played.into(),
        completed: row.completed.into(),
        abandoned: row.abandoned.into(),
        truncated: row.truncated.into(),
        implausible: row.implausible.into(),
        brief: is("brief"),
        left_before_start: is("left_before_start"),
        failed_to_start: is("failed_to_start"),
        failed_midway: is("failed_midway"),
        refused: is("refused"),
        smooth_plays: i64::from(row.played && row.buffering_events == 0),
        warnings: row.warnings,
        startups: startup.is_some().into(),
        startup_ms: startup.unwrap_or_default(),
        first_frames: first_frame.is_some().into(),
        first_frame_ms: first_frame.unwrap_or_default(),
        watched_ms: watched,
        playing_ms: row.playing_ms,
        media_ms: row.media_ms,
        covered_ms: row.covered_ms,
        paused_ms: row.paused_ms,
        background_ms: row.background_ms,
        rebuffers: row.buffering_events,
        rebuffer_ms: row.rebuffer_ms,
        connection_rebuffer_ms: row.connection_rebuffer_ms,
        background_rebuffer_ms: row.background_rebuffer_ms,
        seeks: row.seek_count,
        seek_ms: row.seek_ms,
        bits: if m.rated_ms > 0 {
            m.bits
        } else {
            whole(row.average_bitrate_kbps.unwrap_or_default() * float(rated))
        },
        rated_ms: rated,
        top_ms: row.top_bitrate_ms,
        top_known_ms: m.top_known_ms,
        switches: row.quality_switches,
        upshifts: row.upshifts,
        downshifts: row.downshifts,
        switch_magnitude: m.magnitude,
        measured_switches: m.measured_switches,
        upscale: m.upscale,
        downscale: m.downscale,
        scaled_ms: m.scaled_ms,
        dropped_frames: row.dropped_frames,
        frames: row.frames,
        buffer_sum: m.buffer.sum,
        buffer_weight: m.buffer.ms,
        bandwidth_sum: m.throughput.sum,
        bandwidth_weight: m.throughput.ms,
        latency_sum: m.latency.sum,
        latency_weight: m.latency.ms,
        requests: m.requests,
        request_errors: row.request_errors,
        transfer_bits: m.transfer_bits,
        transfer_ms: m.transfer_ms,
        received: row.received,
        expected: row.expected,
        startup_scores: known(row.startup_score),
        startup_score: milli(row.startup_score),
        scores: known(row.experience_score),
        smoothness_scores: known(row.smoothness_score),
        smoothness_score: milli(row.smoothness_score),
        success_score: milli(row.success_score),
        quality_scores: known(row.quality_score),
        quality_score: milli(row.quality_score),
        experience_score: milli(row.experience_score),
    };
    Sums::of(sums.values().map(|value| value.clamp(-MOST, MOST)))
}

fn sketches_of(row: &SessionRow, m: &Measures, weight: i64) -> Sketches {
    let played = |value: Option<i64>| value.filter(|_| row.played);
    let of_session = [
        (Distribution::StartupMs, played(row.startup_ms)),
        (Distribution::PageToFirstFrameMs, played(row.first_frame_ms)),
        (Distribution::RebufferMs, played(Some(row.rebuffer_ms))),
        (Distribution::WatchedMs, played(Some(row.watched_ms))),
        (Distribution::AvgBitrateKbps, row.average_bitrate_kbps.map(whole)),
        (
            Distribution::BufferHealthMs,
            row.buffer_health.map(|seconds| whole(seconds * 1_000.0)),
        ),
        (
            Distribution::BandwidthKbps,
            row.bandwidth_mbps.map(|mbps| whole(mbps * 1_000.0)),
        ),
    ];
    let each = |which, values: &[i64]| values.iter().map(|value| (which, *value)).collect::<Vec<_>>();
    let known = of_session
        .into_iter()
        .filter_map(|(which, value)| Some((which, value?)));
    let all = known
        .chain(each(Distribution::SeekLatencyMs, &m.seeks))
        .chain(each(Distribution::LiveLatencyMs, &m.latencies))
        .chain(each(Distribution::RequestLatencyMs, &m.first_bytes));
    let mut sketches = Sketches::default();
    for (which, value) in all {
        sketches.add(which, value.clamp(0, MOST), weight);
    }
    sketches
}

/// The ten seconds that its watching covers, by our clock.
fn slots_of(m: &Measures, skew_ms: i64) -> Vec<(i64, i64)> {
    let mut slots: Vec<(i64, i64)> = vec![];
    let mut left = MOST_SLOTS;
    for (from, to) in m.active.iter().filter(|(from, to)| from < to) {
        let first = from.saturating_add(skew_ms).div_euclid(SLOT_MS);
        let last = (to - 1).saturating_add(skew_ms).div_euclid(SLOT_MS);
        let after = slots.last().map_or(i64::MIN, |(from, count)| from + count);
        let first = first.max(after);
        let count = (last - first + 1).min(left);
        if count <= 0 {
            continue;
        }
        left -= count;
        match slots.last_mut() {
            Some((from, held)) if *from + *held == first => *held += count,
            Some(_) | None => slots.push((first, count)),
        }
    }
    slots
}

/// The minute that begins this many ten seconds after 1970.
pub(super) fn minute_of(slot: i64) -> Option<DateTime<Utc>> {
    let minute = Level::Minute.length().num_milliseconds() / SLOT_MS;
    DateTime::from_timestamp(0, 0)?.checked_add_signed(TimeDelta::try_minutes(slot.div_euclid(minute))?)
}

fn milli(score: Option<f64>) -> i64 {
    whole(score.unwrap_or_default() * 1_000.0)
}

#[expect(clippy::cast_possible_truncation, reason = "what is too large is pinned")]
fn whole(value: f64) -> i64 {
    value.round() as i64
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds stay far below 2^52")]
fn float(value: i64) -> f64 {
    value as f64
}
