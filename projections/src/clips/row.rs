//! How a row of `clips` follows the events of its clip.

use chrono::{DateTime, Utc};
use clipper_domain::clip::{
    ChangedDetails, ClipEvent, EncodingClass, FailureClass, Registration, Visibility,
};
use clipper_domain::source::SourceFacts;
use clipper_domain::{ClipId, Quality};

use super::ClipRow;
use crate::Recorded;

impl ClipRow {
    /// Which class another encoding of this clip is of.
    pub fn class_of_request(&self) -> EncodingClass {
        if self.hls_available {
            EncodingClass::Reencode
        } else {
            EncodingClass::Fresh
        }
    }

    pub(super) fn registered(recorded: &Recorded<ClipId, ClipEvent>, registration: &Registration) -> Self {
        Self {
            id: recorded.stream.to_string(),
            slug: registration.slug.as_str().to_owned(),
            title: registration.title.clone(),
            description: None,
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
            chosen_poster: None,
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
            revision: 1,
            deleted_at: None,
            purge_after: None,
            purge_started_at: None,
            purged_at: None,
        }
    }

    pub(super) fn apply(&mut self, event: &ClipEvent, at: DateTime<Utc>) {
        match event {
            ClipEvent::ClipRegistered(_)
            | ClipEvent::EncodingPlanned { .. }
            | ClipEvent::SegmentsStored { .. }
            | ClipEvent::UnitEncoded { .. }
            | ClipEvent::VariantSkipped { .. }
            | ClipEvent::CaptionsAdded { .. }
            | ClipEvent::CaptionsRemoved { .. } => return,
            ClipEvent::DetailsChanged(changed) => self.tell(changed),
            ClipEvent::VisibilityChanged { visibility } => self.show_to(*visibility),
            ClipEvent::ClipDeleted { purge_after } => self.deleted(Some((at, *purge_after))),
            ClipEvent::ClipRestored {} => self.deleted(None),
            ClipEvent::PurgeStarted {} => self.let_media_go(at),
            ClipEvent::MediaPurged { .. } => self.purged_at = Some(at),
            ClipEvent::PosterChosen { poster, .. } => self.choose_poster(Some(&poster.object)),
            ClipEvent::PosterReset { .. } => self.choose_poster(None),
            ClipEvent::SourceStored(source) => self.source_bytes = i64::try_from(source.bytes).ok(),
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

    fn tell(&mut self, changed: &ChangedDetails) {
        self.revision += 1;
        if let Some(title) = &changed.title {
            title.clone_into(&mut self.title);
        }
        if let Some(description) = &changed.description {
            description.clone_into(&mut self.description);
        }
        if let Some(url) = &changed.embed_url {
            url.clone_into(&mut self.embed_url);
        }
        if let Some(url) = &changed.twitch_clip_url {
            url.clone_into(&mut self.twitch_clip_url);
        }
    }

    fn show_to(&mut self, visibility: Visibility) {
        visibility.as_str().clone_into(&mut self.visibility);
        self.revision += 1;
    }

    fn deleted(&mut self, deletion: Option<(DateTime<Utc>, DateTime<Utc>)>) {
        (self.deleted_at, self.purge_after) = deletion.unzip();
    }

    fn choose_poster(&mut self, object: Option<&str>) {
        self.chosen_poster = object.map(str::to_owned);
        self.show_thumbnails();
    }

    fn let_media_go(&mut self, at: DateTime<Utc>) {
        self.purge_started_at = Some(at);
        self.playing_generation = None;
        self.thumbnails_generation = None;
        self.chosen_poster = None;
        self.source_bytes = None;
        self.show(vec![]);
        self.show_thumbnails();
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
        if let Some(version) = self.poster_version() {
            self.poster_url = Some(format!("/api/video/{}/poster.jpg?v={version}", self.slug));
        }
    }

    /// What tells one chosen picture from another in its address.
    pub fn poster_version(&self) -> Option<&str> {
        let object = self.chosen_poster.as_deref()?;
        let name = object.rsplit('/').next().unwrap_or(object);
        Some(name.strip_suffix(".jpg").unwrap_or(name))
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
