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
                 AND (visibility = 'public' OR owner_id = $4) "
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
            "AND (CAST($5 AS BIGINT) IS NULL OR views < $7 OR (views = $7 AND position < $5)) \
             ORDER BY views DESC, position DESC LIMIT $6"
        ),
        Order::Longest => list_clips!(
            "AND (CAST($5 AS BIGINT) IS NULL OR COALESCE(duration, 0) < $7 \
             OR (COALESCE(duration, 0) = $7 AND position < $5)) \
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
