//! Finding clips.

use clipper_domain::{ClipId, PersonId};

use super::ClipRow;
use crate::Query;

macro_rules! select_clips {
    ($rest:literal) => {
        concat!(
            "SELECT CAST(id AS TEXT) AS id, slug, title, owner_id, visibility, embed_url, twitch_clip_url, hls_available, \
             hls_master_url, hls_processing_status, hls_qualities, hls_processed_at, encoding_state, failure_code, \
             failure_detail, failure_class, generation, playing_generation, poster_url, storyboard_url, \
             thumbnails_generation, duration, width, height, source_bytes, source_url, views, position, created_at, \
             updated_at FROM clips ",
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
    pub owner: Option<PersonId>,
    /// Only clips whose title contains this, in any case.
    pub title_contains: Option<String>,
    /// Also private clips of this owner; only public ones when absent.
    pub viewer: Option<PersonId>,
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
            filter.owner.map(|person| person.to_string()).into(),
            filter.title_contains.map(|text| escape_like(&text)).into(),
            filter.viewer.map(|person| person.to_string()).into(),
            filter.before.into(),
            limit.into(),
        ],
    )
}

fn escape_like(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}
