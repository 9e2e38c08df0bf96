//! A clip as JSON.

use chrono::{DateTime, Utc};
use clipper_domain::{ClipId, Quality};
use clipper_projections::clip_captions::{self, CaptionsRow};
use clipper_projections::clips::ClipRow;
use clipper_projections::encoding_queue;
use clipper_projections::storage_usage::{self, UsageRow};
use clipper_projections::video_variants::{self, VariantRow};
use schemars::JsonSchema;
use serde::Serialize;

use super::cdn::Cdn;
use super::imports::ImportJson;
use super::problem::Problem;
use crate::storage::past::PastClip;
use crate::storage::{Db, people};

/// A clip.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Clip")]
pub(super) struct ClipJson {
    id: String,
    slug: String,
    title: String,
    description: Option<String>,
    /// The user; nothing, when the person was forgotten.
    owner_id: Option<String>,
    visibility: String,
    embed_url: Option<String>,
    twitch_clip_url: Option<String>,
    hls_available: bool,
    hls_url: Option<String>,
    hls_qualities: Vec<String>,
    hls_processing_status: String,
    hls_processed_at: Option<DateTime<Utc>>,
    /// Seconds.
    duration: Option<f64>,
    width: Option<i64>,
    height: Option<i64>,
    poster_url: Option<String>,
    /// Whether somebody chose it.
    poster_chosen: bool,
    storyboard_url: Option<String>,
    views: i64,
    captions: Vec<CaptionsJson>,
    variants: Vec<VariantJson>,
    encoding: EncodingJson,
    /// How the fetching of its source goes, while it has none.
    import: Option<ImportJson>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// What `If-Match` names.
    revision: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restore_until: Option<DateTime<Utc>>,
}

/// Captions in one language.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Captions")]
pub(super) struct CaptionsJson {
    language: String,
    /// The language as those call it who read it.
    name: String,
    url: String,
    bytes: i64,
    cues: i64,
}

/// A rendition.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Variant")]
struct VariantJson {
    quality: String,
    width: i64,
    height: i64,
    /// Peak, in bit/s.
    bitrate: i64,
    average_bitrate: i64,
    codec: String,
    frame_rate: f64,
    file_size: i64,
    duration: f64,
    segment_count: i64,
    copied: bool,
}

/// How the encoding goes.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "Encoding")]
pub(super) struct EncodingJson {
    pub(super) state: String,
    /// From 0 to 100.
    pub(super) percent: f64,
    pub(super) failure: Option<FailureJson>,
    /// From small to large; none before it is planned.
    pub(super) rungs: Vec<RungJson>,
}

/// How a rung of an encoding goes.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "RungProgress")]
pub(super) struct RungJson {
    pub(super) quality: String,
    /// From 0 to 100.
    pub(super) percent: f64,
    /// Whether viewers can watch it.
    pub(super) playable: bool,
}

/// Why an encoding failed.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "Failure")]
pub(super) struct FailureJson {
    code: String,
    detail: String,
}

impl ClipJson {
    /// A clip with its variants and the progress of its encoding.
    pub(super) async fn load(db: &Db, row: ClipRow) -> Result<Self, Problem> {
        let variants = match row.id.parse::<ClipId>() {
            Ok(id) if row.hls_available => db.all(video_variants::of_clip(id)).await?,
            Ok(_) | Err(_) => vec![],
        };
        let captions = match row.id.parse::<ClipId>() {
            Ok(id) => db.all(clip_captions::of_clip(id)).await?,
            Err(_) => vec![],
        };
        let encoding = EncodingJson::load(db, &row).await?;
        let import = match row.id.parse() {
            Ok(id) if row.encoding_state == "awaiting_source" => ImportJson::load(db, id).await?,
            Ok(_) | Err(_) => None,
        };
        let clip = Self::of(db, row, variants, captions, encoding).await?;
        Ok(Self { import, ..clip })
    }

    /// A clip as it was: without the progress of an encoding that was under way.
    pub(super) async fn of_past(db: &Db, past: PastClip) -> Result<Self, Problem> {
        let encoding = EncodingJson::of(&past.clip, 0.0, &[]);
        Self::of(db, past.clip, past.variants, past.captions, encoding).await
    }

    async fn of(
        db: &Db,
        row: ClipRow,
        variants: Vec<VariantRow>,
        captions: Vec<CaptionsRow>,
        encoding: EncodingJson,
    ) -> Result<Self, Problem> {
        Ok(Self {
            hls_qualities: serde_json::from_str(&row.hls_qualities)?,
            captions: captions
                .into_iter()
                .map(|captions| CaptionsJson::of(&row.slug, captions))
                .collect(),
            id: row.id,
            slug: row.slug,
            title: row.title,
            description: row.description,
            owner_id: people::user_of(db, &row.owner_id).await?,
            visibility: row.visibility,
            embed_url: row.embed_url,
            twitch_clip_url: row.twitch_clip_url,
            hls_available: row.hls_available,
            hls_url: row.hls_master_url,
            hls_processing_status: row.hls_processing_status,
            hls_processed_at: row.hls_processed_at,
            duration: row.duration,
            width: row.width,
            height: row.height,
            poster_url: row.poster_url,
            poster_chosen: row.chosen_poster.is_some(),
            storyboard_url: row.storyboard_url,
            views: row.views,
            variants: variants.into_iter().map(VariantJson::from).collect(),
            encoding,
            import: None,
            created_at: row.created_at,
            updated_at: row.updated_at,
            revision: row.revision,
            deleted_at: row.deleted_at,
            restore_until: row.purge_after,
        })
    }
}

impl ClipJson {
    /// With the addresses of media where viewers get them from. Private media is the same through a playback token only.
    pub(super) fn through(mut self, cdn: Option<&Cdn>) -> Self {
        let Some(cdn) = cdn.filter(|_| self.visibility == "public") else {
            return self;
        };
        for url in [&mut self.hls_url, &mut self.poster_url, &mut self.storyboard_url] {
            *url = url.take().map(|path| cdn.url(path));
        }
        for captions in &mut self.captions {
            captions.url = cdn.url(std::mem::take(&mut captions.url));
        }
        self
    }
}

impl EncodingJson {
    pub(super) async fn load(db: &Db, row: &ClipRow) -> Result<Self, Problem> {
        let share = match (row.encoding_state.as_str(), row.id.parse()) {
            ("encoding", Ok(id)) => db
                .optional(encoding_queue::progress(id, row.generation))
                .await?
                .map_or(0.0, |row| row.share),
            _ => 0.0,
        };
        let rungs = match row.id.parse() {
            Ok(id) => db.all(storage_usage::of_encoding(id, row.generation)).await?,
            Err(_) => vec![],
        };
        Ok(Self::of(row, share, &rungs))
    }

    fn of(row: &ClipRow, share: f64, rungs: &[UsageRow]) -> Self {
        let share = match row.encoding_state.as_str() {
            "completed" | "partial" => 1.0,
            _ => share,
        };
        let failure = row.failure_code.clone().zip(row.failure_detail.clone());
        Self {
            state: row.encoding_state.clone(),
            percent: percent(share),
            rungs: RungJson::all(row, share, rungs),
            failure: failure.map(|(code, detail)| FailureJson { code, detail }),
        }
    }
}

/// With one decimal.
fn percent(share: f64) -> f64 {
    (share * 1_000.0).round() / 10.0
}

impl RungJson {
    fn all(row: &ClipRow, share: f64, rungs: &[UsageRow]) -> Vec<Self> {
        let plays = row.playing_generation == Some(row.generation);
        let playable: Vec<Quality> = serde_json::from_str(&row.hls_qualities).unwrap_or_default();
        let of_rung = |quality: &Quality| {
            let rung = rungs.iter().find(|rung| rung.quality == quality.label())?;
            Some(Self {
                quality: rung.quality.clone(),
                percent: percent(rung.share(share)),
                playable: plays && playable.contains(quality),
            })
        };
        Quality::ALL.iter().filter_map(of_rung).collect()
    }
}

impl CaptionsJson {
    pub(super) fn of(slug: &str, row: CaptionsRow) -> Self {
        Self {
            url: format!("/api/video/{slug}/captions/{}.vtt", row.language),
            language: row.language,
            name: row.name,
            bytes: row.bytes,
            cues: row.cues,
        }
    }
}

impl From<VariantRow> for VariantJson {
    fn from(row: VariantRow) -> Self {
        Self {
            quality: row.quality,
            width: row.width,
            height: row.height,
            bitrate: row.bitrate,
            average_bitrate: row.average_bitrate,
            codec: row.codec,
            frame_rate: row.frame_rate,
            file_size: row.file_size,
            duration: row.duration,
            segment_count: row.segment_count,
            copied: row.copied,
        }
    }
}
