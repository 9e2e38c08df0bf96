//! Sessions one by one: found, narrowed down, page by page.

use chrono::{DateTime, TimeDelta, Utc};
use clipper_domain::SessionId;
use uuid::Uuid;

use super::{SessionRow, row};
use crate::{Arg, Query, Selection};

/// Nothing was heard of a session for this long: it is over, whatever was said last.
const SILENCE: TimeDelta = TimeDelta::seconds(90);

/// One session.
pub fn by_id(session: SessionId) -> Query<SessionRow> {
    Query::new(format!("{} WHERE id = $1", row::select()), vec![session.0.into()])
}

/// What a list of sessions is narrowed to, beside what it is about.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Only those that go on, or only those that are over, at this time.
    pub live: Option<(bool, DateTime<Utc>)>,
    /// Only those that ended like this.
    pub outcome: Option<String>,
    /// Only what comes after this one.
    pub after: Option<Place>,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By beginning, the latest first.
    #[default]
    Newest,
    /// By beginning, the first first.
    Oldest,
    /// By the experience score, the worst first; without those that have none.
    Worst,
    /// By the experience score, the best first; without those that have none.
    Best,
}

/// A place in an order: what the order goes by, and the session.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The beginning or the score.
    pub value: Value,
    /// The session.
    pub id: Uuid,
}

/// What an order goes by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A beginning.
    At(DateTime<Utc>),
    /// A score.
    Score(f64),
}

impl Order {
    /// Where a session stands in this order.
    pub fn place_of(self, row: &SessionRow) -> Option<Place> {
        let value = match self {
            Self::Newest | Self::Oldest => Value::At(row.created_at),
            Self::Worst | Self::Best => Value::Score(row.experience_score?),
        };
        let id = row.id.parse().ok()?;
        Some(Place { value, id })
    }

    fn column(self) -> &'static str {
        match self {
            Self::Newest | Self::Oldest => "created_at",
            Self::Worst | Self::Best => "experience_score",
        }
    }

    /// What comes after a place, and how to say the order.
    fn direction(self) -> (&'static str, &'static str) {
        match self {
            Self::Newest | Self::Best => ("<", "DESC"),
            Self::Oldest | Self::Worst => (">", "ASC"),
        }
    }
}

/// A page of sessions. Those of viewers who asked not to be followed are in no list.
///
/// What the fold keeps for itself is not read.
pub fn page(selection: &Selection, listing: Listing, order: Order, limit: i64) -> Query<SessionRow> {
    let mut args = vec![];
    let mut sql = format!(
        "{} WHERE NOT private AND {}",
        row::select_but(&["state"]),
        selection.conditions("created_at", &mut args)
    );
    let mut place = |value: Arg| {
        args.push(value);
        format!("${}", args.len())
    };
    if let Some((live, now)) = listing.live {
        let not = if live { "" } else { "NOT " };
        let heard = place((now - SILENCE).into());
        sql += &format!(" AND {not}({GOES_ON} AND updated_at > {heard})");
    }
    if let Some(outcome) = listing.outcome {
        sql += &format!(" AND outcome = {}", place(outcome.into()));
    }
    let (column, (beyond, direction)) = (order.column(), order.direction());
    sql += &format!(" AND {column} IS NOT NULL");
    if let Some(after) = listing.after {
        let value = match after.value {
            Value::At(at) => place(at.into()),
            Value::Score(score) => place(score.into()),
        };
        let id = place(after.id.into());
        sql += &format!(" AND ({column} {beyond} {value} OR ({column} = {value} AND id {beyond} {id}))");
    }
    let limit = place(limit.into());
    sql += &format!(" ORDER BY {column} {direction}, id {direction} LIMIT {limit}");
    Query::new(sql, args)
}

/// The player said last that it goes on. Of those that say nothing of themselves requests for media tell.
const GOES_ON: &str =
    "COALESCE(last_state, CASE WHEN requests > 0 THEN 'p' ELSE 'q' END) NOT IN ('e', 'f', 'q')";

impl SessionRow {
    /// Whether the session goes on.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        let silent = if self.requests > 0 { "p" } else { "q" };
        let state = self.last_state.as_deref().unwrap_or(silent);
        !["e", "f", "q"].contains(&state) && self.updated_at > now - SILENCE
    }
}
