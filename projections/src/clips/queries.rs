//! Finding clips.

use chrono::{DateTime, Utc};
use clipper_domain::{ClipId, PersonId};

use super::ClipRow;
use crate::Query;

macro_rules! select_clips {
    ($rest:literal) => {
        concat!(
            "SELECT CAST(id AS TEXT) AS id, slug, title, description, owner_id, visibility, embed_url, twitch_clip_url, hls_available, \
             hls_master_url, hls_processing_status, hls_qualities, hls_processed_at, encoding_state, failure_code, \
             failure_detail, failure_class, generation, playing_generation, poster_url, chosen_poster, storyboard_url, \
             thumbnails_generation, duration, width, height, source_bytes, source_url, views, position, created_at, \
             updated_at, revision, deleted_at, purge_after, purge_started_at, purged_at FROM clips ",
            $rest
        )
    };
}

/// Which clips are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// Those that are there.
    #[default]
    Present,
    /// Those that ever were.
    All,
}

/// The clip with this identity, unless it was deleted.
pub fn by_id(id: ClipId) -> Query<ClipRow> {
    by_id_in(id, Which::Present)
}

fn by_id_in(id: ClipId, which: Which) -> Query<ClipRow> {
    let sql = match which {
        Which::Present => select_clips!("WHERE id = $1 AND deleted_at IS NULL"),
        Which::All => select_clips!("WHERE id = $1"),
    };
    Query::new(sql, vec![id.0.into()])
}

/// The clip with this slug, unless it was deleted; the first that took it, should two ever share one.
pub fn by_slug(slug: &str) -> Query<ClipRow> {
    by_slug_in(slug, Which::Present)
}

fn by_slug_in(slug: &str, which: Which) -> Query<ClipRow> {
    let sql = match which {
        Which::Present => {
            select_clips!("WHERE slug = $1 AND deleted_at IS NULL ORDER BY position LIMIT 1")
        }
        Which::All => select_clips!("WHERE slug = $1 ORDER BY position LIMIT 1"),
    };
    Query::new(sql, vec![slug.into()])
}

/// The clip that goes by this name, its UUID or its slug, unless it was deleted.
pub fn by_name(name: &str) -> Query<ClipRow> {
    by_name_in(name, Which::Present)
}

/// The clip that goes by this name, among those that are meant.
pub fn by_name_in(name: &str, which: Which) -> Query<ClipRow> {
    match name.parse() {
        Ok(id) => by_id_in(id, which),
        Err(_slug) => by_slug_in(name, which),
    }
}

/// Deleted clips whose media has to go now: it is not gone, and nobody may want it back.
pub fn due_for_purge(now: DateTime<Utc>, limit: i64) -> Query<ClipRow> {
    Query::new(
        select_clips!("WHERE purge_after <= $1 AND purged_at IS NULL ORDER BY purge_after LIMIT $2"),
        vec![now.into(), limit.into()],
    )
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
    /// Also what only others may see, for operators.
    pub everything: bool,
    /// Those that were deleted and may be restored, instead of those that are there.
    pub deleted: bool,
    /// Only what comes after this clip.
    pub after: Option<Place>,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By registration, the latest first.
    #[default]
    Newest,
    /// By registration, the first first.
    Oldest,
    /// The most viewed first.
    Views,
    /// The longest first.
    Longest,
}

impl Order {
    /// Where a clip stands in this order.
    pub fn place_of(self, row: &ClipRow) -> Place {
        Place {
            value: match self {
                Self::Newest | Self::Oldest => 0.0,
                #[expect(clippy::cast_precision_loss, reason = "no clip has 2^53 views")]
                Self::Views => row.views as f64,
                Self::Longest => row.duration.unwrap_or_default(),
            },
            position: row.position,
        }
    }
}

/// A place in an order: what the order goes by, and the position, which no two clips share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// The number that the order goes by.
    pub value: f64,
    /// The position of the clip's registration.
    pub position: i64,
}

macro_rules! list_clips {
    ($rest:literal) => {
        concat!(
            select_clips!(
                "WHERE (CAST($1 AS TEXT) IS NULL OR hls_processing_status = $1) \
                 AND (CAST($2 AS TEXT) IS NULL OR owner_id = $2) \
                 AND (CAST($3 AS TEXT) IS NULL OR lower(title) LIKE '%' || lower($3) || '%' ESCAPE '!') \
                 AND CASE WHEN $7 THEN deleted_at IS NOT NULL AND purge_started_at IS NULL AND (owner_id = $4 OR $8) \
                 ELSE deleted_at IS NULL AND (visibility = 'public' OR owner_id = $4 OR $8) END "
            ),
            $rest
        )
    };
}

/// A page of clips.
pub fn page(filter: Filter, order: Order, limit: i64) -> Query<ClipRow> {
    let sql = match order {
        Order::Newest => {
            list_clips!("AND (CAST($5 AS BIGINT) IS NULL OR position < $5) ORDER BY position DESC LIMIT $6")
        }
        Order::Oldest => {
            list_clips!("AND (CAST($5 AS BIGINT) IS NULL OR position > $5) ORDER BY position LIMIT $6")
        }
        Order::Views => list_clips!(
            "AND (CAST($5 AS BIGINT) IS NULL OR views < $9 OR (views = $9 AND position < $5)) \
             ORDER BY views DESC, position DESC LIMIT $6"
        ),
        Order::Longest => list_clips!(
            "AND (CAST($5 AS BIGINT) IS NULL OR COALESCE(duration, 0) < $9 \
             OR (COALESCE(duration, 0) = $9 AND position < $5)) \
             ORDER BY COALESCE(duration, 0) DESC, position DESC LIMIT $6"
        ),
    };
    let mut arguments = vec![
        filter.status.into(),
        filter.owner.map(|person| person.to_string()).into(),
        filter.title_contains.map(|text| escape_like(&text)).into(),
        filter.viewer.map(|person| person.to_string()).into(),
        filter.after.map(|place| place.position).into(),
        limit.into(),
        filter.deleted.into(),
        filter.everything.into(),
    ];
    match order {
        Order::Newest | Order::Oldest => {}
        Order::Views | Order::Longest => arguments.push(filter.after.map(|place| place.value).into()),
    }
    Query::new(sql, arguments)
}

fn escape_like(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}
