//! `clip_captions`: one row per clip and language, what subtitle playlists are rendered from.

use chrono::{DateTime, Utc};
use clipper_domain::ClipId;
use clipper_domain::captions::{Captions, LanguageTag};
use clipper_domain::clip::ClipEvent;

use crate::fold::Page;
use crate::table::columns;
use crate::{Log, Projection, Query, ReadModel, Recorded, Row, Table};

/// The read model `clip_captions`.
pub const PROJECTION: Projection = Projection {
    name: "clip_captions",
    version: 1,
    log: Log::Clip,
    table: TABLE,
    page: || Page::<Tracks>::boxed(TABLE.key, TABLE.stream),
};

const TABLE: Table = Table {
    name: "clip_captions",
    key: &["clip_id", "language"],
    stream: "clip_id",
    since: None,
    columns: CaptionsRow::COLUMNS,
};

/// A row of `clip_captions`.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct CaptionsRow {
    /// The clip's UUID as text.
    pub clip_id: String,
    /// The language by BCP 47.
    pub language: String,
    /// The language as those call it who read it.
    pub name: String,
    /// Where the captions lie in the media store.
    pub object: String,
    /// The hash of their bytes, in hexadecimal digits.
    pub sha256: String,
    /// How many bytes they have.
    pub bytes: i64,
    /// How many captions there are.
    pub cues: i64,
    /// When they were added.
    pub created_at: DateTime<Utc>,
}

columns!(CaptionsRow {
    clip_id: Uuid,
    language: Text,
    name: Text,
    object: Text,
    sha256: Text,
    bytes: Int,
    cues: Int,
    created_at: Time,
});

macro_rules! select_captions {
    ($rest:literal) => {
        concat!(
            "SELECT CAST(clip_id AS TEXT) AS clip_id, language, name, object, sha256, bytes, cues, created_at \
             FROM clip_captions ",
            $rest
        )
    };
}

/// The captions of a clip, by language.
pub fn of_clip(clip: ClipId) -> Query<CaptionsRow> {
    Query::new(
        select_captions!("WHERE clip_id = $1 ORDER BY language"),
        vec![clip.0.into()],
    )
}

/// The captions of a clip in one language.
pub fn one(clip: ClipId, language: &LanguageTag) -> Query<CaptionsRow> {
    Query::new(
        select_captions!("WHERE clip_id = $1 AND language = $2"),
        vec![clip.0.into(), language.as_str().into()],
    )
}

/// How events become rows of `clip_captions`.
pub struct Tracks;

impl ReadModel for Tracks {
    type Stream = ClipId;
    type Event = ClipEvent;
    type Row = CaptionsRow;

    fn fold(rows: &mut Vec<CaptionsRow>, recorded: &Recorded<ClipId, ClipEvent>) {
        match &recorded.event {
            ClipEvent::CaptionsAdded { captions, .. } => {
                rows.retain(|row| row.language != captions.language.as_str());
                rows.push(CaptionsRow::of(recorded.stream, captions, recorded.recorded_at));
            }
            ClipEvent::CaptionsRemoved { language, .. } => {
                rows.retain(|row| row.language != language.as_str());
            }
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
            | ClipEvent::SourceRejected { .. }
            | ClipEvent::EncodingRequested { .. }
            | ClipEvent::EncodingPlanned { .. }
            | ClipEvent::EncodingStarted { .. }
            | ClipEvent::VariantPlayable { .. }
            | ClipEvent::SegmentsStored { .. }
            | ClipEvent::CopyAbandoned { .. }
            | ClipEvent::UnitEncoded { .. }
            | ClipEvent::VariantReady { .. }
            | ClipEvent::VariantSkipped { .. }
            | ClipEvent::VariantFailed { .. }
            | ClipEvent::ThumbnailsReady { .. }
            | ClipEvent::EncodingCompleted { .. }
            | ClipEvent::EncodingCancelled { .. }
            | ClipEvent::EncodingFailed { .. } => {}
        }
    }
}

impl CaptionsRow {
    fn of(clip: ClipId, captions: &Captions, at: DateTime<Utc>) -> Self {
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        Self {
            clip_id: clip.to_string(),
            language: captions.language.to_string(),
            name: captions.language.name(),
            object: captions.object.clone(),
            sha256: captions.sha256.clone(),
            bytes: count(captions.bytes),
            cues: i64::from(captions.cues),
            created_at: at,
        }
    }
}
