//! How the queue stands, for those who run it: per class, entry by entry, and who works on what.

use chrono::{DateTime, Utc};

use crate::Query;

/// A class of encodings, counted in units of work.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct ClassRow {
    /// The class.
    pub class: String,
    /// Units that nobody works on yet.
    pub waiting: i64,
    /// Units that somebody works on.
    pub running: i64,
    /// When the oldest of them was asked for.
    pub oldest: DateTime<Utc>,
}

/// The classes in which anything is left to be done.
pub fn classes(now: DateTime<Utc>) -> Query<ClassRow> {
    Query::new(
        "SELECT q.class, CAST(sum(CASE WHEN l.expires_at > $1 THEN 0 ELSE 1 END) AS BIGINT) AS waiting, \
         CAST(sum(CASE WHEN l.expires_at > $1 THEN 1 ELSE 0 END) AS BIGINT) AS running, \
         min(q.requested_at) AS oldest FROM encoding_queue q LEFT JOIN leases l ON l.resource = q.lease \
         WHERE q.state IN ('waiting', 'blocked') GROUP BY q.class",
        vec![now.into()],
    )
}

/// A class that is paused.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct PausedRow {
    /// The class.
    pub class: String,
    /// Since when.
    pub paused_at: DateTime<Utc>,
}

/// The classes that no worker takes from for now.
pub fn paused() -> Query<PausedRow> {
    Query::new("SELECT class, paused_at FROM paused_classes", vec![])
}

/// A unit of work that is not done.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct EntryRow {
    /// The clip's UUID as text.
    pub clip_id: String,
    /// Its readable name; nothing, as long as the read model of clips lies behind.
    pub slug: Option<String>,
    /// The encoding.
    pub generation: i64,
    /// The unit.
    pub unit: i64,
    /// The class.
    pub class: String,
    /// Where the class stands among the others.
    pub class_rank: i64,
    /// Higher goes first within the class.
    pub priority: i64,
    /// `running`, `retrying` (later), `blocked` (by other units) or `waiting`.
    pub state: String,
    /// Who works on it.
    pub worker: Option<String>,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
    /// How far that has come, from 0 to 1.
    pub share: f64,
    /// Attempts that failed.
    pub failures: i64,
    /// Not before this.
    pub run_after: Option<DateTime<Utc>>,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// The position of the request in the log.
    pub position: i64,
}

/// A place in the list of entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Where the class stands among the others.
    pub class_rank: i64,
    /// The priority.
    pub priority: i64,
    /// The position of the request in the log.
    pub position: i64,
    /// The unit.
    pub unit: i64,
}

impl EntryRow {
    /// Where the list goes on after this entry.
    pub fn place(&self) -> Place {
        Place {
            class_rank: self.class_rank,
            priority: self.priority,
            position: self.position,
            unit: self.unit,
        }
    }
}

macro_rules! select_entries {
    ($rest:literal) => {
        concat!(
            "SELECT CAST(q.clip_id AS TEXT) AS clip_id, c.slug, q.generation, q.unit, q.class, q.class_rank, q.priority, \
             CASE WHEN l.expires_at > $1 THEN 'running' WHEN q.run_after > $1 THEN 'retrying' ELSE q.state END AS state, \
             CASE WHEN l.expires_at > $1 THEN l.holder END AS worker, \
             CASE WHEN l.expires_at > $1 THEN l.taken_at END AS since, \
             CAST(CASE WHEN l.expires_at > $1 THEN l.progress ELSE 0.0 END AS DOUBLE PRECISION) AS share, \
             q.failures, q.run_after, q.requested_at, q.position FROM encoding_queue q \
             LEFT JOIN leases l ON l.resource = q.lease LEFT JOIN clips c ON c.id = q.clip_id \
             WHERE q.state IN ('waiting', 'blocked') ",
            $rest
        )
    };
}

/// A page of what is left to be done, by class, priority and age. What owners have had lately is left out of the order,
/// so that a place in the list stays where it is.
pub fn entries(now: DateTime<Utc>, after: Option<Place>, limit: i64) -> Query<EntryRow> {
    let begin = Place {
        class_rank: -1,
        ..Place::default()
    };
    let after = after.unwrap_or(begin);
    Query::new(
        select_entries!(
            "AND (q.class_rank, -q.priority, q.position, q.unit) > ($2, -CAST($3 AS BIGINT), $4, $5) \
             ORDER BY q.class_rank, q.priority DESC, q.position, q.unit LIMIT $6"
        ),
        vec![
            now.into(),
            after.class_rank.into(),
            after.priority.into(),
            after.position.into(),
            after.unit.into(),
            limit.into(),
        ],
    )
}

/// What is worked on, by worker.
pub fn running(now: DateTime<Utc>) -> Query<EntryRow> {
    Query::new(
        select_entries!("AND l.expires_at > $1 ORDER BY l.holder, l.taken_at, q.position, q.unit"),
        vec![now.into()],
    )
}
