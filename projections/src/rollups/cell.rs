//! One cell of a roll-up: what the sessions of a time, a clip and a value of a dimension come to.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use sqlx::{ColumnIndex, Decode, FromRow, Type};

use super::packed::{Reader, put, put_bytes};
use super::sketch::Sketch;
use super::sums::{COLUMNS, COUNT, Sums};
use super::viewers::Viewers;
use crate::{Arg, Column, Row};

/// What is kept as a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Distribution {
    StartupMs,
    PageToFirstFrameMs,
    SeekLatencyMs,
    RebufferMs,
    WatchedMs,
    AvgBitrateKbps,
    BufferHealthMs,
    BandwidthKbps,
    LiveLatencyMs,
    RequestLatencyMs,
}

impl Distribution {
    /// All, in the order in which they are written.
    pub const ALL: [Self; 10] = [
        Self::StartupMs,
        Self::PageToFirstFrameMs,
        Self::SeekLatencyMs,
        Self::RebufferMs,
        Self::WatchedMs,
        Self::AvgBitrateKbps,
        Self::BufferHealthMs,
        Self::BandwidthKbps,
        Self::LiveLatencyMs,
        Self::RequestLatencyMs,
    ];

    /// As it stands in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::StartupMs => "startup_ms",
            Self::PageToFirstFrameMs => "page_to_first_frame_ms",
            Self::SeekLatencyMs => "seek_latency_ms",
            Self::RebufferMs => "rebuffer_ms",
            Self::WatchedMs => "watched_ms",
            Self::AvgBitrateKbps => "avg_bitrate_kbps",
            Self::BufferHealthMs => "buffer_health_ms",
            Self::BandwidthKbps => "bandwidth_kbps",
            Self::LiveLatencyMs => "live_latency_ms",
            Self::RequestLatencyMs => "request_latency_ms",
        }
    }

    /// What it is measured in.
    pub fn unit(self) -> &'static str {
        match self {
            Self::AvgBitrateKbps | Self::BandwidthKbps => "kbps",
            Self::StartupMs
            | Self::PageToFirstFrameMs
            | Self::SeekLatencyMs
            | Self::RebufferMs
            | Self::WatchedMs
            | Self::BufferHealthMs
            | Self::LiveLatencyMs
            | Self::RequestLatencyMs => "ms",
        }
    }
}

/// The distributions of a cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketches([Sketch; Distribution::ALL.len()]);

impl Sketches {
    /// One of them.
    pub fn get(&self, which: Distribution) -> Option<&Sketch> {
        self.0.get(which as usize)
    }

    /// Counts a value.
    pub(super) fn add(&mut self, which: Distribution, value: i64, times: i64) {
        if let Some(sketch) = self.0.get_mut(which as usize) {
            sketch.add(value, times);
        }
    }

    /// Puts another in so many times.
    pub fn merge(&mut self, other: &Self, times: i64) {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            own.merge(other, times);
        }
    }

    /// Those that hold something, each behind its number.
    pub(super) fn pack(&self) -> Vec<u8> {
        let mut bytes = vec![];
        for (number, sketch) in (0_u64..).zip(&self.0).filter(|(_, sketch)| !sketch.is_empty()) {
            put(&mut bytes, number);
            let mut part = vec![];
            sketch.pack(&mut part);
            put_bytes(&mut bytes, &part);
        }
        bytes
    }

    /// Reads what was packed.
    pub fn unpack(bytes: &[u8]) -> Self {
        let (mut reader, mut sketches) = (Reader(bytes), Self::default());
        while let (Some(number), Some(part)) = (reader.take(), reader.take_bytes()) {
            let place = usize::try_from(number).ok().and_then(|at| sketches.0.get_mut(at));
            if let (Some(place), Some(sketch)) = (place, Sketch::unpack(&mut Reader(part))) {
                *place = sketch;
            }
        }
        sketches
    }
}

/// How long a bucket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// A minute: of all clips and of each.
    Minute,
    /// An hour, by dimensions too.
    Hour,
    /// A day of UTC, by dimensions too.
    Day,
}

impl Level {
    /// All.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// Its length.
    pub fn length(self) -> TimeDelta {
        match self {
            Self::Minute => TimeDelta::minutes(1),
            Self::Hour => TimeDelta::hours(1),
            Self::Day => TimeDelta::days(1),
        }
    }

    /// The beginning of the bucket that holds an instant.
    pub fn bucket(self, at: DateTime<Utc>) -> DateTime<Utc> {
        at.duration_trunc(self.length()).unwrap_or(at)
    }
}

/// Which cell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// How long its time is.
    pub level: Level,
    /// When its time begins.
    pub bucket: DateTime<Utc>,
    /// The clip, or nothing for all.
    pub clip: String,
    /// The dimension, or nothing for all sessions.
    pub dimension: &'static str,
    /// The value of the dimension.
    pub value: String,
}

/// A cell as it lies in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellRow {
    /// When its time begins.
    pub bucket: DateTime<Utc>,
    /// The clip, or nothing for all.
    pub clip: String,
    /// The dimension, or nothing for all sessions.
    pub dimension: String,
    /// The value of the dimension.
    pub value: String,
    /// The sums.
    pub sums: Sums,
    /// The distributions.
    pub sketches: Sketches,
    /// The viewers.
    pub viewers: Viewers,
}

impl CellRow {
    /// Nothing, at a place.
    pub fn empty(key: &Key) -> Self {
        Self {
            bucket: key.bucket,
            clip: key.clip.clone(),
            dimension: key.dimension.to_owned(),
            value: key.value.clone(),
            sums: Sums::default(),
            sketches: Sketches::default(),
            viewers: Viewers::default(),
        }
    }

    /// Whether no session is counted here.
    pub fn is_empty(&self) -> bool {
        self.sums == Sums::default() && self.sketches == Sketches::default()
    }
}

impl Row for CellRow {
    const COLUMNS: &'static [Column] = COLUMNS;

    fn values(&self) -> Vec<Arg> {
        let mut values: Vec<Arg> = vec![
            self.bucket.into(),
            self.clip.as_str().into(),
            self.dimension.as_str().into(),
            self.value.as_str().into(),
        ];
        values.extend(self.sums.values().map(Arg::from));
        values.push(Arg::Bytes(Some(self.sketches.pack())));
        values.push(Arg::Bytes(Some(self.viewers.pack())));
        values
    }
}

impl<'r, R: sqlx::Row> FromRow<'r, R> for CellRow
where
    usize: ColumnIndex<R>,
    DateTime<Utc>: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        let sums: sqlx::Result<Vec<i64>> = (4..4 + COUNT).map(|at| row.try_get(at)).collect();
        let (sketches, viewers): (Vec<u8>, Vec<u8>) = (row.try_get(4 + COUNT)?, row.try_get(5 + COUNT)?);
        Ok(Self {
            bucket: row.try_get(0)?,
            clip: row.try_get(1)?,
            dimension: row.try_get(2)?,
            value: row.try_get(3)?,
            sums: Sums::of(sums?),
            sketches: Sketches::unpack(&sketches),
            viewers: Viewers::unpack(&viewers),
        })
    }
}
