//! `clips`: one row per clip, what lists and pages show.

pub mod backfill;
mod queries;

use chrono::{DateTime, Utc};
use clipper_domain::clip::{ClipEvent, EncodingClass, FailureClass, Registration};
use clipper_domain::source::SourceFacts;
use clipper_domain::{ClipId, Quality};

use crate::fold::Page;
use crate::table::columns;
use crate::{Log, Projection, ReadModel, Recorded, Row, Table};

pub use queries::{Filter, Order, Place, by_id, by_name, by_slug, page};

/// The read model `clips`. Version 2 names owners by pseudonym, version 3 shows clips that play while they are encoded,
/// version 4 knows sources, still pictures, and what clips were elsewhere before.
pub const PROJECTION: Projection = Projection {
    name: "clips",
    version: 4,
    log: Log::Clip,
    table: TABLE,
    page: || Page::<Clips>::boxed(TABLE.key, TABLE.stream),
};

const TABLE: Table = Table {
    name: "clips",
    key: &["id"],
    stream: "id",
    since: None,
    columns: ClipRow::COLUMNS,
};

/// A row of `clips`.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct ClipRow {
    /// The clip's UUID as text.
    pub id: String,
    /// The readable name.
    pub slug: String,
    /// The title.
    pub title: String,
    /// The pseudonym of who may change it.
    pub owner_id: String,
    /// `public` or `private`.
    pub visibility: String,
    /// The fallback while there is no HLS.
    pub embed_url: Option<String>,
    /// Where the clip came from.
    pub twitch_clip_url: Option<String>,
    /// Whether at least one rung is playable.
    pub hls_available: bool,
    /// The path of the master playlist, once there is one.
    pub hls_master_url: Option<String>,
    /// `pending`, `processing`, `completed`, `failed` or `partial`.
    pub hls_processing_status: String,
    /// The playable rungs as a JSON array of labels, from small to large.
    pub hls_qualities: String,
    /// When the encoding ended.
    pub hls_processed_at: Option<DateTime<Utc>>,
    /// The finer state of the encoding: `awaiting_source`, `queued`, `encoding`, `retrying`, `completed`, …
    pub encoding_state: String,
    /// The stable code of what went wrong.
    pub failure_code: Option<String>,
    /// A sentence about what went wrong.
    pub failure_detail: Option<String>,
    /// Whose fault that was: `ours`, `resource` or `content`.
    pub failure_class: Option<String>,
    /// The generation that is shown or worked on.
    pub generation: i64,
    /// The generation that plays.
    pub playing_generation: Option<i64>,
    /// The path of the picture that stands for the clip.
    pub poster_url: Option<String>,
    /// The path of the pictures to scrub by.
    pub storyboard_url: Option<String>,
    /// The latest generation that has still pictures.
    pub thumbnails_generation: Option<i64>,
    /// Seconds.
    pub duration: Option<f64>,
    /// Width as shown, in pixels.
    pub width: Option<i64>,
    /// Height as shown, in pixels.
    pub height: Option<i64>,
    /// Bytes of the source, once there is one.
    pub source_bytes: Option<i64>,
    /// Where the source of an imported clip can be had.
    pub source_url: Option<String>,
    /// Views so far.
    pub views: i64,
    /// The position of the clip's registration in the log: the order of lists.
    pub position: i64,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

columns!(ClipRow {
    id: Uuid,
    slug: Text,
    title: Text,
    owner_id: Text,
    visibility: Text,
    embed_url: Text,
    twitch_clip_url: Text,
    hls_available: Bool,
    hls_master_url: Text,
    hls_processing_status: Text,
    hls_qualities: Text,
    hls_processed_at: Time,
    encoding_state: Text,
    failure_code: Text,
    failure_detail: Text,
    failure_class: Text,
    generation: Int,
    playing_generation: Int,
    poster_url: Text,
    storyboard_url: Text,
    thumbnails_generation: Int,
    duration: Float,
    width: Int,
    height: Int,
    source_bytes: Int,
    source_url: Text,
    views: Int,
    position: Int,
    created_at: Time,
    updated_at: Time,
});

/// How events become rows of `clips`.
pub struct Clips;

impl ReadModel for Clips {
    type Stream = ClipId;
    type Event = ClipEvent;
    type Row = ClipRow;

    fn fold(rows: &mut Vec<ClipRow>, recorded: &Recorded<ClipId, ClipEvent>) {
        if let ClipEvent::ClipRegistered(registration) = &recorded.event {
            *rows = vec![ClipRow::registered(recorded, registration)];
        }
        for row in rows {
            row.apply(&recorded.event, recorded.recorded_at);
        }
    }
}

impl ClipRow {
    /// Which class another encoding of this clip is of.
    pub fn class_of_request(&self) -> EncodingClass {
        if self.hls_available {
            EncodingClass::Reencode
        } else {
            EncodingClass::Fresh
        }
    }

    fn registered(recorded: &Recorded<ClipId, ClipEvent>, registration: &Registration) -> Self {
        Self {
            id: recorded.stream.to_string(),
            slug: registration.slug.as_str().to_owned(),
            title: registration.title.clone(),
            owner_id: registration.owner.to_string(),
            visibility: registration.visibility.as_str().to_owned(),
            embed_url: registration.embed_url.clone(),
            twitch_clip_url: registration.twitch_clip_url.clone(),
            hls_available: false,
            hls_master_url: None,
            hls_processing_status: "pending".to_owned(),
            hls_qualities: "[]".to_owned(),
            hls_processed_at: None,
            encoding_state: "awaiting_source".to_owned(),
            failure_code: None,
            failure_detail: None,
            failure_class: None,
            generation: 0,
            playing_generation: None,
            poster_url: None,
            storyboard_url: None,
            thumbnails_generation: None,
            duration: None,
            width: None,
            height: None,
            source_bytes: None,
            source_url: registration.source_url.clone(),
            views: i64::try_from(registration.views).unwrap_or(i64::MAX),
            position: recorded.position,
            created_at: registration.created_at.unwrap_or(recorded.recorded_at),
            updated_at: recorded.recorded_at,
        }
    }

    fn apply(&mut self, event: &ClipEvent, at: DateTime<Utc>) {
        match event {
            ClipEvent::ClipRegistered(_)
            | ClipEvent::EncodingPlanned { .. }
            | ClipEvent::SegmentsStored { .. }
            | ClipEvent::UnitEncoded { .. }
            | ClipEvent::VariantSkipped { .. }
            | ClipEvent::CaptionsAdded { .. }
            | ClipEvent::CaptionsRemoved { .. } => return,
            ClipEvent::SourceStored(source) => {
                self.source_bytes = Some(i64::try_from(source.bytes).unwrap_or(i64::MAX));
            }
            ClipEvent::ThumbnailsReady { generation, .. } => {
                self.thumbnails_generation = Some(i64::from(*generation));
            }
            ClipEvent::SourceProbed(facts) => self.probed(facts),
            ClipEvent::SourceRejected {
                generation,
                rejection,
            } => {
                self.broke_off(*generation, "rejected", at);
                self.failed(FailureClass::Content, rejection.code.as_str(), &rejection.detail);
            }
            ClipEvent::EncodingRequested { generation, .. } => self.requested(*generation),
            ClipEvent::EncodingStarted { .. } => "encoding".clone_into(&mut self.encoding_state),
            ClipEvent::VariantPlayable { generation, variant } => self.playable(*generation, variant.quality),
            ClipEvent::VariantReady { generation, variant } => self.playable(*generation, variant.quality),
            ClipEvent::VariantFailed {
                generation, quality, ..
            } => self.unplayable(*generation, *quality),
            ClipEvent::CopyAbandoned { generation, .. } => self.broke_off(*generation, "queued", at),
            ClipEvent::EncodingCancelled { generation } => self.broke_off(*generation, "cancelled", at),
            ClipEvent::EncodingCompleted {
                generation,
                qualities,
                failed,
            } => self.completed(*generation, qualities, failed, at),
            ClipEvent::EncodingFailed {
                retry_at: Some(_), ..
            } => "retrying".clone_into(&mut self.encoding_state),
            ClipEvent::EncodingFailed {
                generation,
                class,
                code,
                detail,
                retry_at: None,
                ..
            } => {
                self.broke_off(*generation, "failed", at);
                self.failed(*class, code, detail);
            }
        }
        self.updated_at = at;
    }

    fn probed(&mut self, facts: &SourceFacts) {
        let (width, height) = facts.display_size();
        self.width = Some(i64::from(width));
        self.height = Some(i64::from(height));
        self.duration = Some(std::time::Duration::from_millis(facts.duration_ms).as_secs_f64());
    }

    fn requested(&mut self, generation: u32) {
        "processing".clone_into(&mut self.hls_processing_status);
        "queued".clone_into(&mut self.encoding_state);
        self.generation = i64::from(generation);
        self.forget_failure();
    }

    /// A clip that plays goes on playing its whole generation until the next one is whole.
    fn playable(&mut self, generation: u32, quality: Quality) {
        if self
            .playing_generation
            .is_some_and(|playing| playing != i64::from(generation))
        {
            return;
        }
        self.playing_generation = Some(i64::from(generation));
        let mut qualities = self.qualities();
        qualities.push(quality);
        self.show(qualities);
    }

    fn unplayable(&mut self, generation: u32, quality: Quality) {
        if self.playing_generation == Some(i64::from(generation)) {
            let mut qualities = self.qualities();
            qualities.retain(|known| *known != quality);
            self.show(qualities);
        }
    }

    /// What an encoding that ended early had made is not whole; an earlier generation still is.
    fn broke_off(&mut self, generation: u32, encoding_state: &str, at: DateTime<Utc>) {
        if self.playing_generation == Some(i64::from(generation)) {
            self.playing_generation = None;
            self.show(vec![]);
        }
        let status = if self.hls_available { "completed" } else { "failed" };
        self.ended(status, encoding_state, at);
    }

    fn qualities(&self) -> Vec<Quality> {
        serde_json::from_str(&self.hls_qualities).unwrap_or_default()
    }

    /// From small to large, each once.
    fn show(&mut self, mut qualities: Vec<Quality>) {
        qualities.sort_unstable();
        qualities.dedup();
        self.hls_available = !qualities.is_empty();
        let address = || format!("/api/video/{}/master.m3u8", self.slug);
        self.hls_master_url = self.hls_available.then(address);
        self.hls_qualities = serde_json::json!(qualities).to_string();
    }

    fn completed(&mut self, generation: u32, qualities: &[Quality], failed: &[Quality], at: DateTime<Utc>) {
        let status = if failed.is_empty() { "completed" } else { "partial" };
        self.ended(status, status, at);
        if !failed.is_empty() {
            let labels: Vec<_> = failed.iter().map(|quality| quality.label()).collect();
            self.failed(
                FailureClass::Content,
                "some_rungs_failed",
                &format!("could not be encoded: {}", labels.join(", ")),
            );
        }
        self.playing_generation = Some(i64::from(generation));
        self.show(qualities.to_vec());
        self.show_thumbnails();
    }

    /// Those of the generation that plays. Their addresses say which one it is, since what was ever published under an
    /// address stays what it is.
    fn show_thumbnails(&mut self) {
        let playing = self.playing_generation.filter(|_| self.hls_available);
        let shown = playing.filter(|generation| self.thumbnails_generation == Some(*generation));
        let address = |file: &str| {
            let query = shown?;
            let query = if query > 1 {
                format!("?g={query}")
            } else {
                String::new()
            };
            Some(format!("/api/video/{}/{file}{query}", self.slug))
        };
        (self.poster_url, self.storyboard_url) = (address("poster.jpg"), address("storyboard.vtt"));
    }

    fn ended(&mut self, status: &str, encoding_state: &str, at: DateTime<Utc>) {
        status.clone_into(&mut self.hls_processing_status);
        encoding_state.clone_into(&mut self.encoding_state);
        self.forget_failure();
        self.hls_processed_at = Some(at);
    }

    fn forget_failure(&mut self) {
        self.failure_code = None;
        self.failure_detail = None;
        self.failure_class = None;
    }

    fn failed(&mut self, class: FailureClass, code: &str, detail: &str) {
        self.failure_class = Some(class.as_str().to_owned());
        self.failure_code = Some(code.to_owned());
        self.failure_detail = Some(detail.to_owned());
    }
}
