//! Events of the clip log as others are told of them: public names, and the clip as it was right after the event.
//!
//! A message follows from the log alone, so that it is the same whenever it is made.

use chrono::{DateTime, SecondsFormat, Utc};
use clipper_domain::ClipId;
use clipper_domain::clip::ClipEvent;
use clipper_projections::clips::ClipRow;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::storage::past::{self, Moment, PastClip};
use crate::storage::{Logs, RawEvent, StorageError};

/// Every type of events that others can be told of.
pub const EVENT_TYPES: [&str; 12] = [
    "clip.registered",
    "clip.changed",
    "clip.deleted",
    "clip.restored",
    "clip.purged",
    "clip.source_stored",
    "clip.playable",
    "clip.ready",
    "clip.failed",
    "clip.cancelled",
    "clip.captions_added",
    "clip.captions_removed",
];

/// Something to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The name under which it is known, however often it is told.
    pub id: String,
    /// What kind of event it is.
    pub event_type: &'static str,
    /// Whose event it is.
    pub clip: Uuid,
    /// The event's position in the log.
    pub position: i64,
    /// The body.
    pub body: String,
}

/// What is told of an event; nothing of most.
pub async fn message_of(logs: &Logs, raw: &RawEvent) -> Result<Option<Message>, StorageError> {
    let unreadable = |source| StorageError::Unreadable {
        position: raw.position,
        source,
    };
    let events: Vec<ClipEvent> = raw.read().map_err(unreadable)?;
    let Some(event_type) = events.iter().find_map(name_of) else {
        return Ok(None);
    };
    let id = raw.stream_id.split_once('-').map(|(_, id)| id.parse::<ClipId>());
    let Some(Ok(id)) = id else {
        return Ok(None);
    };
    if event_type == PLAYABLE && played_before(logs, id, raw.version).await? {
        return Ok(None);
    }
    let Some(clip) = past::clip_at(logs, id, Moment::Version(raw.version)).await? else {
        return Ok(None);
    };
    Ok(Some(Message {
        id: message_id(id, raw.version, event_type),
        event_type,
        clip: id.0,
        position: raw.position,
        body: body(event_type, raw.recorded_at, &data(raw, &clip)),
    }))
}

/// What an endpoint is told to see whether it listens.
pub fn test_message(endpoint: Uuid, id: Uuid, now: DateTime<Utc>) -> (String, String) {
    let body = body("webhook.test", now, &json!({ "endpoint": endpoint }));
    (format!("msg_{}", id.simple()), body)
}

const PLAYABLE: &str = "clip.playable";

fn name_of(event: &ClipEvent) -> Option<&'static str> {
    match event {
        ClipEvent::ClipRegistered(_) => Some("clip.registered"),
        ClipEvent::DetailsChanged(_)
        | ClipEvent::VisibilityChanged { .. }
        | ClipEvent::PosterChosen { .. }
        | ClipEvent::PosterReset { .. } => Some("clip.changed"),
        ClipEvent::ClipDeleted { .. } => Some("clip.deleted"),
        ClipEvent::ClipRestored {} => Some("clip.restored"),
        ClipEvent::MediaPurged { .. } => Some("clip.purged"),
        ClipEvent::SourceStored(_) => Some("clip.source_stored"),
        ClipEvent::VariantPlayable { .. } | ClipEvent::VariantReady { .. } => Some(PLAYABLE),
        ClipEvent::EncodingCompleted { .. } => Some("clip.ready"),
        ClipEvent::SourceRejected { .. } | ClipEvent::EncodingFailed { retry_at: None, .. } => {
            Some("clip.failed")
        }
        ClipEvent::EncodingCancelled { .. } => Some("clip.cancelled"),
        ClipEvent::CaptionsAdded { .. } => Some("clip.captions_added"),
        ClipEvent::CaptionsRemoved { .. } => Some("clip.captions_removed"),
        ClipEvent::EncodingFailed {
            retry_at: Some(_), ..
        }
        | ClipEvent::PurgeStarted {}
        | ClipEvent::SourceProbed(_)
        | ClipEvent::EncodingRequested { .. }
        | ClipEvent::EncodingPlanned { .. }
        | ClipEvent::EncodingStarted { .. }
        | ClipEvent::SegmentsStored { .. }
        | ClipEvent::CopyAbandoned { .. }
        | ClipEvent::UnitEncoded { .. }
        | ClipEvent::VariantSkipped { .. }
        | ClipEvent::VariantFailed { .. }
        | ClipEvent::ThumbnailsReady { .. } => None,
    }
}

/// Each rung says that it can be played; what others want to know is that the clip can.
async fn played_before(logs: &Logs, id: ClipId, version: i64) -> Result<bool, StorageError> {
    let before = past::clip_at(logs, id, Moment::Version(version - 1)).await?;
    Ok(before.is_some_and(|before| before.clip.hls_available))
}

/// The same in every copy of the log, wherever its positions lie.
fn message_id(clip: ClipId, version: i64, event_type: &str) -> String {
    let id = Uuid::new_v5(&clip.0, format!("webhook:{version}:{event_type}").as_bytes());
    format!("msg_{}", id.simple())
}

fn body(event_type: &str, at: DateTime<Utc>, data: &Value) -> String {
    let timestamp = at.to_rfc3339_opts(SecondsFormat::Millis, true);
    json!({ "type": event_type, "timestamp": timestamp, "data": data }).to_string()
}

fn data(raw: &RawEvent, past: &PastClip) -> Value {
    let languages: Vec<_> = past
        .captions
        .iter()
        .map(|track| track.language.as_str())
        .collect();
    json!({
        "position": raw.position,
        "version": raw.version,
        "clip": clip(&past.clip, &languages),
    })
}

/// The names are those of the API. Who owns it is not told: people can be forgotten, and what others were told cannot.
fn clip(row: &ClipRow, captions: &[&str]) -> Value {
    let failure = row
        .failure_code
        .as_ref()
        .map(|code| json!({ "code": code, "detail": row.failure_detail }));
    json!({
        "id": row.id,
        "slug": row.slug,
        "title": row.title,
        "visibility": row.visibility,
        "embed_url": row.embed_url,
        "twitch_clip_url": row.twitch_clip_url,
        "hls_available": row.hls_available,
        "hls_url": row.hls_master_url,
        "hls_qualities": serde_json::from_str::<Value>(&row.hls_qualities).unwrap_or_default(),
        "hls_processing_status": row.hls_processing_status,
        "hls_processed_at": row.hls_processed_at,
        "duration": row.duration,
        "width": row.width,
        "height": row.height,
        "poster_url": row.poster_url,
        "storyboard_url": row.storyboard_url,
        "captions": captions,
        "failure": failure,
        "created_at": row.created_at,
    })
}
