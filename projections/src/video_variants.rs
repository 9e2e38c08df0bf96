//! `video_variants`: one row per clip and rung, what playlists are rendered from.

use chrono::{DateTime, Utc};
use clipper_domain::clip::ClipEvent;
use clipper_domain::{ClipId, Playable, Quality, Run, Segment, Variant};
use uuid::Uuid;

use crate::fold::Page;
use crate::table::columns;
use crate::{Log, Projection, Query, ReadModel, Recorded, Row, Table};

/// The read model `video_variants`. Version 2 shows rungs that grow.
pub const PROJECTION: Projection = Projection {
    name: "video_variants",
    version: 2,
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
    /// Segments that can be played: those before the first gap.
    pub segment_count: i64,
    /// `EXT-X-TARGETDURATION`.
    pub target_duration: i64,
    /// The segments as a JSON array, `null` where one is not made yet; see [`VariantRow::segments`].
    pub segments: String,
    /// Whether more segments will come.
    pub growing: bool,
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
    /// The segments that can be played, in order: those before the first gap.
    pub fn segments(&self) -> Result<Vec<Segment>, serde_json::Error> {
        let all: Vec<Option<Segment>> = serde_json::from_str(&self.segments)?;
        Ok(all.into_iter().map_while(|segment| segment).collect())
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
    growing: Bool,
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
             growing, copied, playlist_url, storage_path, generation, created_at FROM video_variants ",
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
        let at = recorded.recorded_at;
        match &recorded.event {
            ClipEvent::VariantPlayable { generation, variant } => {
                // A clip that plays goes on playing its whole generation until the next one is whole.
                if rows.iter().all(|row| row.generation == i64::from(*generation)) {
                    let row = VariantRow::growing(recorded.stream, *generation, variant, at);
                    rows.retain(|other| other.quality != row.quality);
                    rows.push(row);
                }
            }
            ClipEvent::SegmentsStored { generation, runs, .. } => {
                for run in runs {
                    grow(rows, *generation, run);
                }
            }
            ClipEvent::VariantReady { generation, variant } => {
                let row = VariantRow::ready(recorded.stream, *generation, variant, at);
                rows.retain(|other| other.quality != row.quality);
                rows.push(row);
            }
            ClipEvent::VariantFailed {
                generation, quality, ..
            } => {
                rows.retain(|row| row.generation != i64::from(*generation) || row.quality != quality.label());
            }
            ClipEvent::EncodingCompleted { generation, .. } => {
                rows.retain(|row| row.generation == i64::from(*generation));
            }
            // What an encoding that ended early had made is not whole.
            ClipEvent::EncodingCancelled { generation }
            | ClipEvent::CopyAbandoned { generation, .. }
            | ClipEvent::SourceRejected { generation, .. }
            | ClipEvent::EncodingFailed {
                generation,
                retry_at: None,
                ..
            } => rows.retain(|row| !(row.growing && row.generation == i64::from(*generation))),
            ClipEvent::PurgeStarted {} => rows.clear(),
            ClipEvent::ClipRegistered(_)
            | ClipEvent::DetailsChanged(_)
            | ClipEvent::VisibilityChanged { .. }
            | ClipEvent::ClipDeleted { .. }
            | ClipEvent::ClipRestored {}
            | ClipEvent::PosterChosen { .. }
            | ClipEvent::PosterReset { .. }
            | ClipEvent::MediaPurged { .. }
            | ClipEvent::SourceStored(_)
            | ClipEvent::SourceProbed(_)
            | ClipEvent::EncodingRequested { .. }
            | ClipEvent::EncodingPlanned { .. }
            | ClipEvent::EncodingStarted { .. }
            | ClipEvent::UnitEncoded { .. }
            | ClipEvent::VariantSkipped { .. }
            | ClipEvent::ThumbnailsReady { .. }
            | ClipEvent::CaptionsAdded { .. }
            | ClipEvent::CaptionsRemoved { .. }
            | ClipEvent::EncodingFailed {
                retry_at: Some(_), ..
            } => {}
        }
    }
}

fn grow(rows: &mut [VariantRow], generation: u32, run: &Run) {
    let row = rows.iter_mut().find(|row| {
        row.growing && row.generation == i64::from(generation) && row.quality == run.quality.label()
    });
    if let Some(row) = row {
        row.insert(run);
    }
}

impl VariantRow {
    fn growing(clip: ClipId, generation: u32, playable: &Playable, at: DateTime<Utc>) -> Self {
        let path = playable.quality.path();
        Self {
            id: Uuid::new_v5(&clip.0, format!("{generation}/{path}").as_bytes()).to_string(),
            clip_id: clip.to_string(),
            quality: playable.quality.label().to_owned(),
            width: i64::from(playable.width),
            height: i64::from(playable.height),
            bitrate: 0,
            average_bitrate: 0,
            codec: playable.codec.clone(),
            frame_rate: playable.frame_rate.as_f64(),
            file_size: 0,
            duration: 0.0,
            segment_count: 0,
            target_duration: i64::from(playable.target_duration),
            segments: "[]".to_owned(),
            growing: true,
            copied: playable.copied,
            playlist_url: format!("/api/video/{clip}/{path}.m3u8"),
            storage_path: playable.storage_path.clone(),
            generation: i64::from(generation),
            created_at: at,
        }
    }

    /// Puts segments into their places and counts what can be played by now. Bit rates are those of the segments that
    /// are there, the peak being that of the largest one.
    fn insert(&mut self, run: &Run) {
        let mut all: Vec<Option<Segment>> = serde_json::from_str(&self.segments).unwrap_or_default();
        for (number, segment) in (run.first_segment..).zip(&run.segments) {
            let place = usize::try_from(number).unwrap_or(usize::MAX);
            if all.len() <= place {
                all.resize(place + 1, None);
            }
            if let Some(slot) = all.get_mut(place) {
                *slot = Some(segment.clone());
            }
        }
        self.segments = serde_json::json!(all).to_string();
        let playable: Vec<Segment> = all.into_iter().map_while(|segment| segment).collect();
        let bytes: u64 = playable.iter().map(|segment| segment.bytes).sum();
        let ticks: u64 = playable
            .iter()
            .map(|segment| u64::from(segment.duration_90k))
            .sum();
        let rate = |bytes: u64, ticks: u64| pinned((bytes * 8 * 90_000).div_ceil(ticks.max(1)));
        self.segment_count = pinned(playable.len() as u64);
        self.file_size = pinned(bytes);
        self.duration = seconds(ticks);
        self.average_bitrate = rate(bytes, ticks);
        self.bitrate = playable
            .iter()
            .map(|segment| rate(segment.bytes, u64::from(segment.duration_90k)))
            .max()
            .unwrap_or_default()
            .max(self.average_bitrate);
    }

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
            segments: serde_json::json!(variant.segments).to_string(),
            growing: false,
            copied: variant.copied,
            playlist_url: format!("/api/video/{clip}/{path}.m3u8"),
            storage_path: variant.storage_path.clone(),
            generation: i64::from(generation),
            created_at: at,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "ticks stay far below 2^52")]
fn seconds(ticks: u64) -> f64 {
    ticks as f64 / 90_000.0
}

/// Sizes and counts are held in 64 signed bits; beyond that they are pinned, not wrapped.
fn pinned(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
