//! `encoding_queue`: one row per encoding, what workers choose from. Leases are kept beside it, not in it: a lease is
//! an operational fact of this minute, not something that events tell.

use chrono::{DateTime, Utc};
use clipper_domain::ClipId;
use clipper_domain::clip::{ClipEvent, EncodingClass};

use crate::fold::Page;
use crate::table::columns;
use crate::{Log, Projection, Query, ReadModel, Recorded, Row, Table};

/// The read model `encoding_queue`.
pub const PROJECTION: Projection = Projection {
    name: "encoding_queue",
    version: 1,
    log: Log::Clip,
    table: TABLE,
    page: || Page::<Encodings>::boxed(TABLE.key, TABLE.stream),
};

const TABLE: Table = Table {
    name: "encoding_queue",
    key: &["clip_id", "generation"],
    stream: "clip_id",
    since: None,
    columns: EncodingRow::COLUMNS,
};

/// A row of `encoding_queue`.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct EncodingRow {
    clip_id: String,
    generation: i64,
    class: String,
    class_rank: i64,
    priority: i64,
    /// `waiting` (or running: the lease tells), `completed` or `failed`.
    state: String,
    token: i64,
    failures: i64,
    run_after: Option<DateTime<Utc>>,
    position: i64,
    requested_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

columns!(EncodingRow {
    clip_id: Uuid,
    generation: Int,
    class: Text,
    class_rank: Int,
    priority: Int,
    state: Text,
    token: Int,
    failures: Int,
    run_after: Time,
    position: Int,
    requested_at: Time,
    updated_at: Time,
});

/// An encoding that waits for a worker.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct WaitingRow {
    /// The clip's UUID as text.
    pub clip_id: String,
    /// The encoding.
    pub generation: i64,
    /// The highest fencing token that events tell of.
    pub token: i64,
    /// The position of the request in the log.
    pub position: i64,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
}

/// How many encodings of a class wait.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct DepthRow {
    /// The class.
    pub class: String,
    /// Encodings that wait or run.
    pub depth: i64,
}

/// Encodings that nobody works on, the most urgent first: by class, then priority, then age.
pub fn waiting(now: DateTime<Utc>, limit: i64) -> Query<WaitingRow> {
    Query::new(
        "SELECT CAST(q.clip_id AS TEXT) AS clip_id, q.generation, q.token, q.position, q.requested_at \
         FROM encoding_queue q LEFT JOIN leases l \
         ON l.resource = 'encode/' || CAST(q.clip_id AS TEXT) || '/' || CAST(q.generation AS TEXT) \
         WHERE q.state = 'waiting' AND (q.run_after IS NULL OR q.run_after <= $1) \
         AND (l.expires_at IS NULL OR l.expires_at <= $1) \
         ORDER BY q.class_rank, q.priority DESC, q.position LIMIT $2",
        vec![now.into(), limit.into()],
    )
}

/// Encodings that wait or run, per class.
pub fn depth() -> Query<DepthRow> {
    Query::new(
        "SELECT class, CAST(count(*) AS BIGINT) AS depth FROM encoding_queue WHERE state = 'waiting' GROUP BY class",
        vec![],
    )
}

/// How events become rows of `encoding_queue`.
pub struct Encodings;

impl ReadModel for Encodings {
    type Stream = ClipId;
    type Event = ClipEvent;
    type Row = EncodingRow;

    fn fold(rows: &mut Vec<EncodingRow>, recorded: &Recorded<ClipId, ClipEvent>) {
        let at = recorded.recorded_at;
        match &recorded.event {
            ClipEvent::EncodingRequested {
                generation,
                class,
                priority,
                ..
            } => {
                let row = EncodingRow::requested(recorded, *generation, *class, *priority);
                rows.retain(|other| other.generation != row.generation);
                rows.push(row);
            }
            ClipEvent::EncodingStarted {
                generation, token, ..
            } => change(rows, *generation, at, |row| row.token = *token),
            ClipEvent::EncodingFailed {
                generation,
                retry_at: Some(retry_at),
                ..
            } => change(rows, *generation, at, |row| {
                row.failures += 1;
                row.run_after = Some(*retry_at);
            }),
            ClipEvent::SourceRejected { generation, .. }
            | ClipEvent::EncodingFailed {
                generation,
                retry_at: None,
                ..
            } => change(rows, *generation, at, |row| "failed".clone_into(&mut row.state)),
            ClipEvent::EncodingCompleted { generation, .. } => {
                change(rows, *generation, at, |row| {
                    "completed".clone_into(&mut row.state);
                });
            }
            ClipEvent::ClipRegistered(_)
            | ClipEvent::SourceStored(_)
            | ClipEvent::SourceProbed(_)
            | ClipEvent::EncodingPlanned { .. }
            | ClipEvent::VariantReady { .. }
            | ClipEvent::VariantFailed { .. } => {}
        }
    }
}

fn change(rows: &mut [EncodingRow], generation: u32, at: DateTime<Utc>, assign: impl Fn(&mut EncodingRow)) {
    for row in rows {
        if row.generation == i64::from(generation) {
            assign(row);
            row.updated_at = at;
        }
    }
}

impl EncodingRow {
    fn requested(
        recorded: &Recorded<ClipId, ClipEvent>,
        generation: u32,
        class: EncodingClass,
        priority: i32,
    ) -> Self {
        Self {
            clip_id: recorded.stream.to_string(),
            generation: i64::from(generation),
            class: class.as_str().to_owned(),
            class_rank: class as i64,
            priority: i64::from(priority),
            state: "waiting".to_owned(),
            token: 0,
            failures: 0,
            run_after: None,
            position: recorded.position,
            requested_at: recorded.recorded_at,
            updated_at: recorded.recorded_at,
        }
    }
}
