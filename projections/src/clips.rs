//! `clips`: one row per clip, what lists and pages show.

pub mod backfill;
mod queries;
mod row;

use chrono::{DateTime, Utc};
use clipper_domain::ClipId;
use clipper_domain::clip::ClipEvent;

use crate::fold::Page;
use crate::table::columns;
use crate::{Log, Projection, ReadModel, Recorded, Row, Table};

pub use queries::{Filter, Order, Place, Which, by_id, by_name, by_name_in, by_slug, due_for_purge, page};

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
    /// What it shows, in plain text.
    pub description: Option<String>,
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
    /// Where the picture lies that somebody chose instead.
    pub chosen_poster: Option<String>,
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
    /// Counts the changes of what is told of it, from 1.
    pub revision: i64,
    /// When it was deleted, if it is.
    pub deleted_at: Option<DateTime<Utc>>,
    /// Until when it may be restored.
    pub purge_after: Option<DateTime<Utc>>,
    /// When its media began to go; it cannot be restored any more.
    pub purge_started_at: Option<DateTime<Utc>>,
    /// When none of its media was left.
    pub purged_at: Option<DateTime<Utc>>,
}

columns!(ClipRow {
    id: Uuid,
    slug: Text,
    title: Text,
    description: Text,
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
    chosen_poster: Text,
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
    revision: Int,
    deleted_at: Time,
    purge_after: Time,
    purge_started_at: Time,
    purged_at: Time,
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
