//! `clips`: one row per clip, what lists and pages show.

use chrono::{DateTime, Utc};
use clipper_domain::clip::{ClipEvent, Registration};
use clipper_domain::source::SourceFacts;
use clipper_domain::{ClipId, Quality, Variant};

use crate::{Fold, Projection, Query, Recorded, Statement, Table};

/// The read model `clips`.
pub const PROJECTION: Projection = Projection {
    name: "clips",
    version: 1,
    tables: &[Table {
        name: "clips",
        key: "id",
    }],
    fold: Fold::Clips(project),
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
    /// Who may change it.
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
    /// The generation that is shown or worked on.
    pub generation: i64,
    /// Seconds.
    pub duration: Option<f64>,
    /// Width as shown, in pixels.
    pub width: Option<i64>,
    /// Height as shown, in pixels.
    pub height: Option<i64>,
    /// Views so far.
    pub views: i64,
    /// The position of the clip's registration in the log: the order of lists.
    pub position: i64,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

macro_rules! select_clips {
    ($rest:literal) => {
        concat!(
            "SELECT CAST(id AS TEXT) AS id, slug, title, owner_id, visibility, embed_url, twitch_clip_url, hls_available, \
             hls_master_url, hls_processing_status, hls_qualities, hls_processed_at, encoding_state, failure_code, \
             failure_detail, generation, duration, width, height, views, position, created_at, updated_at FROM clips ",
            $rest
        )
    };
}

/// The clip with this identity.
pub fn by_id(id: ClipId) -> Query<ClipRow> {
    Query::new(select_clips!("WHERE id = $1"), vec![id.0.into()])
}

/// The clip with this slug; the first that took it, should two ever share one.
pub fn by_slug(slug: &str) -> Query<ClipRow> {
    Query::new(
        select_clips!("WHERE slug = $1 ORDER BY position LIMIT 1"),
        vec![slug.into()],
    )
}

/// The clip that goes by this name: its UUID or its slug.
pub fn by_name(name: &str) -> Query<ClipRow> {
    match name.parse() {
        Ok(id) => by_id(id),
        Err(_slug) => by_slug(name),
    }
}

/// What a list is narrowed to, and where it goes on.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only clips in this processing status.
    pub status: Option<String>,
    /// Only clips of this owner.
    pub owner_id: Option<String>,
    /// Only clips whose title contains this, in any case.
    pub title_contains: Option<String>,
    /// Also private clips of this owner; only public ones when absent.
    pub viewer: Option<String>,
    /// Only clips registered before this position.
    pub before: Option<i64>,
}

/// A page of clips, newest first.
pub fn page(filter: Filter, limit: i64) -> Query<ClipRow> {
    Query::new(
        select_clips!(
            "WHERE (CAST($1 AS TEXT) IS NULL OR hls_processing_status = $1) \
             AND (CAST($2 AS TEXT) IS NULL OR owner_id = $2) \
             AND (CAST($3 AS TEXT) IS NULL OR lower(title) LIKE '%' || lower($3) || '%' ESCAPE '!') \
             AND (visibility = 'public' OR owner_id = $4) \
             AND (CAST($5 AS BIGINT) IS NULL OR position < $5) \
             ORDER BY position DESC LIMIT $6"
        ),
        vec![
            filter.status.into(),
            filter.owner_id.into(),
            filter.title_contains.map(|text| escape_like(&text)).into(),
            filter.viewer.into(),
            filter.before.into(),
            limit.into(),
        ],
    )
}

fn escape_like(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

fn project(recorded: &Recorded<ClipId, ClipEvent>) -> Vec<Statement> {
    let clip = recorded.stream;
    let at = recorded.recorded_at;
    let statement = match &recorded.event {
        ClipEvent::ClipRegistered(registration) => registered(recorded, registration),
        ClipEvent::SourceStored(_) => return vec![],
        ClipEvent::SourceProbed(facts) => probed(clip, facts, at),
        ClipEvent::SourceRejected { rejection, .. } => ended(
            clip,
            "failed",
            "rejected",
            Some((rejection.code.as_str(), &rejection.detail)),
            at,
        ),
        ClipEvent::EncodingRequested { generation, .. } => requested(clip, *generation, at),
        ClipEvent::EncodingPlanned { .. } | ClipEvent::VariantFailed { .. } => return vec![],
        ClipEvent::EncodingStarted { .. } => state(clip, "encoding", at),
        ClipEvent::VariantReady { variant, .. } => playable(clip, variant, at),
        ClipEvent::EncodingCompleted {
            qualities, failed, ..
        } => return completed(clip, qualities, failed, at),
        ClipEvent::EncodingFailed {
            code,
            detail,
            retry_at,
            ..
        } => match retry_at {
            Some(_) => state(clip, "retrying", at),
            None => ended(clip, "failed", "failed", Some((code, detail)), at),
        },
    };
    vec![statement]
}

fn registered(recorded: &Recorded<ClipId, ClipEvent>, registration: &Registration) -> Statement {
    Statement::new(
        "INSERT INTO clips (id, slug, title, owner_id, visibility, embed_url, twitch_clip_url, hls_available, \
         hls_processing_status, hls_qualities, encoding_state, generation, views, position, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', '[]', 'awaiting_source', 0, 0, $9, $10, $10)",
        vec![
            recorded.stream.0.into(),
            registration.slug.as_str().into(),
            registration.title.as_str().into(),
            registration.owner_id.as_str().into(),
            registration.visibility.as_str().into(),
            registration.embed_url.clone().into(),
            registration.twitch_clip_url.clone().into(),
            false.into(),
            recorded.position.into(),
            recorded.recorded_at.into(),
        ],
    )
}

fn requested(clip: ClipId, generation: u32, at: DateTime<Utc>) -> Statement {
    Statement::new(
        "UPDATE clips SET hls_processing_status = 'processing', encoding_state = 'queued', generation = $2, \
         failure_code = NULL, failure_detail = NULL, updated_at = $3 WHERE id = $1",
        vec![clip.0.into(), generation.into(), at.into()],
    )
}

fn probed(clip: ClipId, facts: &SourceFacts, at: DateTime<Utc>) -> Statement {
    let (width, height) = facts.display_size();
    let seconds = std::time::Duration::from_millis(facts.duration_ms).as_secs_f64();
    Statement::new(
        "UPDATE clips SET width = $2, height = $3, duration = $4, updated_at = $5 WHERE id = $1",
        vec![
            clip.0.into(),
            width.into(),
            height.into(),
            seconds.into(),
            at.into(),
        ],
    )
}

fn state(clip: ClipId, state: &str, at: DateTime<Utc>) -> Statement {
    Statement::new(
        "UPDATE clips SET encoding_state = $2, updated_at = $3 WHERE id = $1",
        vec![clip.0.into(), state.into(), at.into()],
    )
}

/// Appends the rung to the JSON text; rungs are published from small to large.
fn playable(clip: ClipId, variant: &Variant, at: DateTime<Utc>) -> Statement {
    Statement::new(
        "UPDATE clips SET hls_available = $2, hls_master_url = '/api/video/' || slug || '/master.m3u8', \
         hls_qualities = CASE WHEN hls_qualities = '[]' THEN '[\"' || $3 || '\"]' \
         ELSE substr(hls_qualities, 1, length(hls_qualities) - 1) || ',\"' || $3 || '\"]' END, \
         duration = $4, updated_at = $5 WHERE id = $1",
        vec![
            clip.0.into(),
            true.into(),
            variant.quality.label().into(),
            variant.duration().into(),
            at.into(),
        ],
    )
}

fn completed(clip: ClipId, qualities: &[Quality], failed: &[Quality], at: DateTime<Utc>) -> Vec<Statement> {
    let status = if failed.is_empty() { "completed" } else { "partial" };
    let reason = failed
        .iter()
        .map(|quality| quality.label())
        .collect::<Vec<_>>()
        .join(", ");
    let detail = format!("could not be encoded: {reason}");
    let failure = (!failed.is_empty()).then_some(("some_rungs_failed", detail.as_str()));
    let mut sorted = qualities.to_vec();
    sorted.sort_unstable();
    let labels = sorted
        .iter()
        .map(|quality| format!("\"{quality}\""))
        .collect::<Vec<_>>()
        .join(",");
    vec![
        ended(clip, status, status, failure, at),
        Statement::new(
            "UPDATE clips SET hls_qualities = $2 WHERE id = $1",
            vec![clip.0.into(), format!("[{labels}]").into()],
        ),
    ]
}

fn ended(
    clip: ClipId,
    status: &str,
    encoding_state: &str,
    failure: Option<(&str, &str)>,
    at: DateTime<Utc>,
) -> Statement {
    Statement::new(
        "UPDATE clips SET hls_processing_status = $2, encoding_state = $3, failure_code = $4, failure_detail = $5, \
         hls_processed_at = $6, updated_at = $6 WHERE id = $1",
        vec![
            clip.0.into(),
            status.into(),
            encoding_state.into(),
            failure.map(|(code, _)| code.to_owned()).into(),
            failure.map(|(_, detail)| detail.to_owned()).into(),
            at.into(),
        ],
    )
}
