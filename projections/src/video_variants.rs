//! `video_variants`: one row per clip and rung, what playlists are rendered from.

use chrono::{DateTime, Utc};
use clipper_domain::clip::ClipEvent;
use clipper_domain::{ClipId, Quality, Segment, Variant};
use uuid::Uuid;

use crate::fold::Page;
use crate::table::columns;
use crate::{Log, Projection, Query, ReadModel, Recorded, Row, Table};

/// The read model `video_variants`.
pub const PROJECTION: Projection = Projection {
    name: "video_variants",
    version: 1,
    log: Log::Clip,
    table: TABLE,
    page: || Page::<Variants>::boxed(TABLE.key, TABLE.stream),
};

const TABLE: Table = Table {
    name: "video_variants",
    key: &["clip_id", "quality"],
    stream: "clip_id",
    since: None,
    columns: VariantRow::COLUMNS,
};

/// A row of `video_variants`.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct VariantRow {
    /// A name for the row that a rebuild finds again.
    pub id: String,
    /// The clip's UUID as text.
    pub clip_id: String,
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
    /// The path of its playlist.
    pub playlist_url: String,
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

columns!(VariantRow {
    id: Uuid,
    clip_id: Uuid,
    quality: Text,
    width: Int,
    height: Int,
    bitrate: Int,
    average_bitrate: Int,
    codec: Text,
    frame_rate: Float,
    file_size: Int,
    duration: Float,
    segment_count: Int,
    target_duration: Int,
    segments: Text,
    copied: Bool,
    playlist_url: Text,
    storage_path: Text,
    generation: Int,
    created_at: Time,
});

macro_rules! select_variants {
    ($rest:literal) => {
        concat!(
            "SELECT CAST(id AS TEXT) AS id, CAST(clip_id AS TEXT) AS clip_id, quality, width, height, bitrate, \
             average_bitrate, codec, frame_rate, file_size, duration, segment_count, target_duration, segments, \
             copied, playlist_url, storage_path, generation, created_at FROM video_variants ",
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

/// How events become rows of `video_variants`.
pub struct Variants;

impl ReadModel for Variants {
    type Stream = ClipId;
    type Event = ClipEvent;
    type Row = VariantRow;

    fn fold(rows: &mut Vec<VariantRow>, recorded: &Recorded<ClipId, ClipEvent>) {
        match &recorded.event {
            ClipEvent::VariantReady { generation, variant } => {
                let row = VariantRow::ready(recorded.stream, *generation, variant, recorded.recorded_at);
                rows.retain(|other| other.quality != row.quality);
                rows.push(row);
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
            | ClipEvent::EncodingFailed { .. } => {}
        }
    }
}

impl VariantRow {
    fn ready(clip: ClipId, generation: u32, variant: &Variant, at: DateTime<Utc>) -> Self {
        let path = variant.quality.path();
        Self {
            id: Uuid::new_v5(&clip.0, format!("{generation}/{path}").as_bytes()).to_string(),
            clip_id: clip.to_string(),
            quality: variant.quality.label().to_owned(),
            width: i64::from(variant.width),
            height: i64::from(variant.height),
            bitrate: pinned(variant.bitrate),
            average_bitrate: pinned(variant.average_bitrate),
            codec: variant.codec.clone(),
            frame_rate: variant.frame_rate.as_f64(),
            file_size: pinned(variant.file_size()),
            duration: variant.duration(),
            segment_count: pinned(variant.segments.len() as u64),
            target_duration: pinned(u64::from(variant.target_duration)),
            segments: segments_json(&variant.segments),
            copied: variant.copied,
            playlist_url: format!("/api/video/{clip}/{path}.m3u8"),
            storage_path: variant.storage_path.clone(),
            generation: i64::from(generation),
            created_at: at,
        }
    }
}

/// Sizes and counts are held in 64 signed bits; beyond that they are pinned, not wrapped.
fn pinned(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn segments_json(segments: &[Segment]) -> String {
    serde_json::json!(segments).to_string()
}
