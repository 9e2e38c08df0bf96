//! `video_variants`: one row per clip and rung, what playlists are rendered from.

use chrono::{DateTime, Utc};
use clipper_domain::clip::ClipEvent;
use clipper_domain::{ClipId, Quality, Segment, Variant};
use uuid::Uuid;

use crate::{Arg, Fold, Projection, Query, Recorded, Statement, Table};

/// The read model `video_variants`.
pub const PROJECTION: Projection = Projection {
    name: "video_variants",
    version: 1,
    tables: &[Table {
        name: "video_variants",
        key: "clip_id, quality",
    }],
    fold: Fold::Clips(project),
};

/// A row of `video_variants`.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct VariantRow {
    /// The rung's label.
    pub quality: String,
    /// Width in pixels.
    pub width: i64,
    /// Height in pixels.
    pub height: i64,
    /// Peak bit rate in bit/s.
    pub bitrate: i64,
    /// Average bit rate in bit/s.
    pub average_bitrate: i64,
    /// The `CODECS` attribute.
    pub codec: String,
    /// Frames per second.
    pub frame_rate: f64,
    /// Bytes of all segments.
    pub file_size: i64,
    /// Seconds.
    pub duration: f64,
    /// Segments.
    pub segment_count: i64,
    /// `EXT-X-TARGETDURATION`.
    pub target_duration: i64,
    /// The segments as JSON, see [`VariantRow::segments`].
    pub segments: String,
    /// Whether the pictures were copied from the source.
    pub copied: bool,
    /// Where the rendition lies in the media store.
    pub storage_path: String,
    /// The generation that it belongs to.
    pub generation: i64,
    /// When it was published.
    pub created_at: DateTime<Utc>,
}

impl VariantRow {
    /// The segments in order.
    pub fn segments(&self) -> Result<Vec<Segment>, serde_json::Error> {
        serde_json::from_str(&self.segments)
    }
}

macro_rules! select_variants {
    ($rest:literal) => {
        concat!(
            "SELECT quality, width, height, bitrate, average_bitrate, codec, frame_rate, file_size, duration, \
             segment_count, target_duration, segments, copied, storage_path, generation, created_at \
             FROM video_variants ",
            $rest
        )
    };
}

/// The rungs of a clip by rising bit rate.
pub fn of_clip(clip: ClipId) -> Query<VariantRow> {
    Query::new(
        select_variants!("WHERE clip_id = $1 ORDER BY bitrate, height"),
        vec![clip.0.into()],
    )
}

/// One rung of a clip.
pub fn one(clip: ClipId, quality: Quality) -> Query<VariantRow> {
    Query::new(
        select_variants!("WHERE clip_id = $1 AND quality = $2"),
        vec![clip.0.into(), quality.label().into()],
    )
}

fn project(recorded: &Recorded<ClipId, ClipEvent>) -> Vec<Statement> {
    match &recorded.event {
        ClipEvent::VariantReady { generation, variant } => {
            vec![ready(recorded.stream, *generation, variant, recorded.recorded_at)]
        }
        ClipEvent::ClipRegistered(_)
        | ClipEvent::SourceStored(_)
        | ClipEvent::SourceProbed(_)
        | ClipEvent::SourceRejected { .. }
        | ClipEvent::EncodingRequested { .. }
        | ClipEvent::EncodingPlanned { .. }
        | ClipEvent::EncodingStarted { .. }
        | ClipEvent::VariantFailed { .. }
        | ClipEvent::EncodingCompleted { .. }
        | ClipEvent::EncodingFailed { .. } => vec![],
    }
}

fn ready(clip: ClipId, generation: u32, variant: &Variant, at: DateTime<Utc>) -> Statement {
    Statement::new(
        "INSERT INTO video_variants (id, clip_id, quality, width, height, bitrate, average_bitrate, codec, frame_rate, \
         file_size, duration, segment_count, target_duration, segments, copied, playlist_url, storage_path, generation, \
         created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) \
         ON CONFLICT (clip_id, quality) DO UPDATE SET id = excluded.id, width = excluded.width, \
         height = excluded.height, bitrate = excluded.bitrate, average_bitrate = excluded.average_bitrate, \
         codec = excluded.codec, frame_rate = excluded.frame_rate, file_size = excluded.file_size, \
         duration = excluded.duration, segment_count = excluded.segment_count, \
         target_duration = excluded.target_duration, segments = excluded.segments, copied = excluded.copied, \
         playlist_url = excluded.playlist_url, storage_path = excluded.storage_path, \
         generation = excluded.generation, created_at = excluded.created_at",
        arguments(clip, generation, variant, at),
    )
}

fn arguments(clip: ClipId, generation: u32, variant: &Variant, at: DateTime<Utc>) -> Vec<Arg> {
    let path = variant.quality.path();
    // A name for the row that a rebuild finds again.
    let id = Uuid::new_v5(&clip.0, format!("{generation}/{path}").as_bytes());
    vec![
        id.into(),
        clip.0.into(),
        variant.quality.label().into(),
        variant.width.into(),
        variant.height.into(),
        variant.bitrate.into(),
        variant.average_bitrate.into(),
        variant.codec.as_str().into(),
        variant.frame_rate.as_f64().into(),
        variant.file_size().into(),
        variant.duration().into(),
        (variant.segments.len() as u64).into(),
        variant.target_duration.into(),
        segments_json(&variant.segments).into(),
        variant.copied.into(),
        format!("/api/video/{clip}/{path}.m3u8").into(),
        variant.storage_path.as_str().into(),
        generation.into(),
        at.into(),
    ]
}

fn segments_json(segments: &[Segment]) -> String {
    serde_json::json!(segments).to_string()
}
