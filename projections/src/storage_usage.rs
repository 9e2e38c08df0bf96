//! `storage_usage`: what lies in the media store for each clip, by quality and generation, and how far each rung of an
//! encoding has come.

use chrono::{DateTime, Utc};
use clipper_domain::clip::ClipEvent;
use clipper_domain::plan::Plan;
use clipper_domain::{ClipId, Quality, Run, Variant};

use crate::fold::Page;
use crate::table::columns;
use crate::{Log, Projection, Query, ReadModel, Recorded, Row, Table};

/// The read model `storage_usage`.
pub const PROJECTION: Projection = Projection {
    name: "storage_usage",
    version: 1,
    log: Log::Clip,
    table: TABLE,
    page: || Page::<Usage>::boxed(TABLE.key, TABLE.stream),
};

const TABLE: Table = Table {
    name: "storage_usage",
    key: &["clip_id", "generation", "quality"],
    stream: "clip_id",
    since: None,
    columns: UsageRow::COLUMNS,
};

/// The quality of the original, which belongs to no generation.
pub const SOURCE: &str = "source";

/// A row of `storage_usage`.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct UsageRow {
    /// The clip's UUID as text.
    pub clip_id: String,
    /// The encoding; 0 for the source.
    pub generation: i64,
    /// The rung's label, or `source`.
    pub quality: String,
    /// The pseudonym of the clip's owner.
    pub owner_id: String,
    /// Bytes of its segments, or of the source.
    pub bytes: i64,
    /// Segments that lie in the store.
    pub segments: i64,
    /// Segments that it will have.
    pub planned: i64,
    /// Whether it is whole.
    pub whole: bool,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

columns!(UsageRow {
    clip_id: Uuid,
    generation: Int,
    quality: Text,
    owner_id: Text,
    bytes: Int,
    segments: Int,
    planned: Int,
    whole: Bool,
    updated_at: Time,
});

/// The rungs of an encoding, from small to large.
pub fn of_encoding(clip: ClipId, generation: i64) -> Query<UsageRow> {
    Query::new(
        "SELECT CAST(clip_id AS TEXT) AS clip_id, generation, quality, owner_id, bytes, segments, planned, whole, \
         updated_at FROM storage_usage WHERE clip_id = $1 AND generation = $2 AND generation > 0",
        vec![clip.0.into(), generation.into()],
    )
}

/// What lies in the store, by something.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct TotalRow {
    /// A quality, or an owner's pseudonym.
    pub name: String,
    /// Clips.
    pub clips: i64,
    /// Bytes.
    pub bytes: i64,
    /// Seconds of the clips, as far as they are known.
    pub seconds: f64,
}

/// What lies in the store, by quality.
pub fn by_quality() -> Query<TotalRow> {
    Query::new(
        "SELECT u.quality AS name, CAST(COUNT(DISTINCT u.clip_id) AS BIGINT) AS clips, \
         CAST(COALESCE(SUM(u.bytes), 0) AS BIGINT) AS bytes, \
         CAST(COALESCE(SUM(c.duration), 0) AS DOUBLE PRECISION) AS seconds FROM storage_usage u \
         LEFT JOIN clips c ON c.id = u.clip_id WHERE u.bytes > 0 GROUP BY u.quality",
        vec![],
    )
}

/// What lies in the store, by owner, the largest first.
pub fn by_owner(limit: i64) -> Query<TotalRow> {
    Query::new(
        "SELECT owner_id AS name, CAST(COUNT(DISTINCT clip_id) AS BIGINT) AS clips, \
         CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes, CAST(0 AS DOUBLE PRECISION) AS seconds FROM storage_usage \
         WHERE bytes > 0 GROUP BY owner_id ORDER BY 3 DESC, 1 LIMIT $1",
        vec![limit.into()],
    )
}

/// How events become rows of `storage_usage`.
pub struct Usage;

impl ReadModel for Usage {
    type Stream = ClipId;
    type Event = ClipEvent;
    type Row = UsageRow;

    fn fold(rows: &mut Vec<UsageRow>, recorded: &Recorded<ClipId, ClipEvent>) {
        let at = recorded.recorded_at;
        match &recorded.event {
            ClipEvent::ClipRegistered(registration) => {
                *rows = vec![UsageRow::source(
                    recorded.stream,
                    registration.owner.to_string(),
                    at,
                )];
            }
            ClipEvent::SourceStored(source) => {
                change(rows, 0, SOURCE, at, |row| {
                    (row.bytes, row.whole) = (pinned(source.bytes), true);
                });
            }
            ClipEvent::EncodingPlanned { generation, plan } => lay_out(rows, *generation, plan, at),
            ClipEvent::SegmentsStored { generation, runs, .. } => {
                for run in runs {
                    change(rows, *generation, run.quality.label(), at, |row| row.add(run));
                }
            }
            ClipEvent::VariantReady { generation, variant } => publish(rows, *generation, variant, at),
            ClipEvent::VariantFailed {
                generation, quality, ..
            }
            | ClipEvent::VariantSkipped { generation, quality } => drop_rung(rows, *generation, *quality),
            // What played before is on its way out.
            ClipEvent::EncodingCompleted { generation, .. } => {
                rows.retain(|row| row.generation == 0 || row.generation == i64::from(*generation));
            }
            ClipEvent::EncodingCancelled { generation }
            | ClipEvent::CopyAbandoned { generation, .. }
            | ClipEvent::SourceRejected { generation, .. }
            | ClipEvent::EncodingFailed {
                generation,
                retry_at: None,
                ..
            } => rows.retain(|row| row.generation != i64::from(*generation)),
            ClipEvent::MediaPurged { .. } => rows.clear(),
            ClipEvent::DetailsChanged(_)
            | ClipEvent::VisibilityChanged { .. }
            | ClipEvent::ClipDeleted { .. }
            | ClipEvent::ClipRestored {}
            | ClipEvent::PosterChosen { .. }
            | ClipEvent::PosterReset { .. }
            | ClipEvent::PurgeStarted {}
            | ClipEvent::SourceProbed(_)
            | ClipEvent::EncodingRequested { .. }
            | ClipEvent::EncodingStarted { .. }
            | ClipEvent::VariantPlayable { .. }
            | ClipEvent::UnitEncoded { .. }
            | ClipEvent::ThumbnailsReady { .. }
            | ClipEvent::CaptionsAdded { .. }
            | ClipEvent::CaptionsRemoved { .. }
            | ClipEvent::EncodingFailed {
                retry_at: Some(_), ..
            } => {}
        }
    }
}

fn lay_out(rows: &mut Vec<UsageRow>, generation: u32, plan: &Plan, at: DateTime<Utc>) {
    let Some(source) = rows.first().cloned() else {
        return;
    };
    rows.retain(|row| row.generation != i64::from(generation));
    for rung in &plan.rungs {
        rows.push(UsageRow {
            generation: i64::from(generation),
            quality: rung.quality.label().to_owned(),
            bytes: 0,
            segments: 0,
            planned: i64::from(plan.segment_count()),
            whole: false,
            updated_at: at,
            ..source.clone()
        });
    }
}

/// Events of an older program may tell of a rung that no plan has told of.
fn publish(rows: &mut Vec<UsageRow>, generation: u32, variant: &Variant, at: DateTime<Utc>) {
    let quality = variant.quality.label();
    let Some(source) = rows.first().cloned() else {
        return;
    };
    rows.retain(|row| row.generation != i64::from(generation) || row.quality != quality);
    let segments = pinned(variant.segments.len() as u64);
    rows.push(UsageRow {
        generation: i64::from(generation),
        quality: quality.to_owned(),
        bytes: pinned(variant.file_size()),
        segments,
        planned: segments,
        whole: true,
        updated_at: at,
        ..source
    });
}

fn drop_rung(rows: &mut Vec<UsageRow>, generation: u32, quality: Quality) {
    rows.retain(|row| row.generation != i64::from(generation) || row.quality != quality.label());
}

fn change(
    rows: &mut [UsageRow],
    generation: u32,
    quality: &str,
    at: DateTime<Utc>,
    assign: impl FnOnce(&mut UsageRow),
) {
    let named = |row: &&mut UsageRow| row.generation == i64::from(generation) && row.quality == quality;
    if let Some(row) = rows.iter_mut().find(named) {
        assign(row);
        row.updated_at = at;
    }
}

impl UsageRow {
    fn source(clip: ClipId, owner_id: String, at: DateTime<Utc>) -> Self {
        Self {
            clip_id: clip.to_string(),
            generation: 0,
            quality: SOURCE.to_owned(),
            owner_id,
            bytes: 0,
            segments: 0,
            planned: 0,
            whole: false,
            updated_at: at,
        }
    }

    fn add(&mut self, run: &Run) {
        let bytes: u64 = run.segments.iter().map(|segment| segment.bytes).sum();
        self.bytes = self.bytes.saturating_add(pinned(bytes));
        self.segments = self.segments.saturating_add(pinned(run.segments.len() as u64));
    }

    /// How far it has come, from 0 to 1: what is stored, and what is known to be worked on.
    #[expect(clippy::cast_precision_loss, reason = "no clip has 2^53 segments")]
    pub fn share(&self, under_way: f64) -> f64 {
        const ALMOST: f64 = 0.99;
        if self.whole {
            return 1.0;
        }
        let stored = self.segments as f64 / self.planned.max(1) as f64;
        stored.max(under_way).clamp(0.0, ALMOST)
    }
}

/// Sizes are held in 64 signed bits; beyond that they are pinned, not wrapped.
fn pinned(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
