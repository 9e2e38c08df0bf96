//! `encoding_queue`: one row per encoding, what workers choose from. Leases are kept beside it, not in it: a lease is
//! an operational fact of this minute, not something that events tell.

use chrono::{DateTime, Utc};
use clipper_domain::ClipId;
use clipper_domain::clip::{ClipEvent, EncodingClass};

use crate::{Fold, Projection, Query, Recorded, Statement, Table};

/// The read model `encoding_queue`.
pub const PROJECTION: Projection = Projection {
    name: "encoding_queue",
    version: 1,
    tables: &[Table {
        name: "encoding_queue",
        key: "clip_id, generation",
    }],
    fold: Fold::Clips(project),
};

/// An encoding that waits for a worker.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct WaitingRow {
    /// The clip's UUID as text.
    pub clip_id: String,
    /// The encoding.
    pub generation: i64,
    /// The highest fencing token that events tell of.
    pub token: i64,
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
        "SELECT CAST(q.clip_id AS TEXT) AS clip_id, q.generation, q.token, q.requested_at \
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

fn project(recorded: &Recorded<ClipId, ClipEvent>) -> Vec<Statement> {
    let clip = recorded.stream;
    let at = recorded.recorded_at;
    match &recorded.event {
        ClipEvent::EncodingRequested {
            generation,
            class,
            priority,
            ..
        } => {
            vec![requested(recorded, *generation, *class, *priority)]
        }
        ClipEvent::EncodingStarted {
            generation, token, ..
        } => vec![started(clip, *generation, *token, at)],
        ClipEvent::EncodingFailed {
            generation,
            retry_at: Some(retry_at),
            ..
        } => {
            vec![retry(clip, *generation, *retry_at, at)]
        }
        ClipEvent::SourceRejected { generation, .. } => vec![ended(clip, *generation, "failed", at)],
        ClipEvent::EncodingFailed {
            generation,
            retry_at: None,
            ..
        } => vec![ended(clip, *generation, "failed", at)],
        ClipEvent::EncodingCompleted { generation, .. } => vec![ended(clip, *generation, "completed", at)],
        ClipEvent::ClipRegistered(_)
        | ClipEvent::SourceStored(_)
        | ClipEvent::SourceProbed(_)
        | ClipEvent::EncodingPlanned { .. }
        | ClipEvent::VariantReady { .. }
        | ClipEvent::VariantFailed { .. } => vec![],
    }
}

fn requested(
    recorded: &Recorded<ClipId, ClipEvent>,
    generation: u32,
    class: EncodingClass,
    priority: i32,
) -> Statement {
    Statement::new(
        "INSERT INTO encoding_queue (clip_id, generation, class, class_rank, priority, state, token, failures, \
         position, requested_at, updated_at) VALUES ($1, $2, $3, $4, $5, 'waiting', 0, 0, $6, $7, $7)",
        vec![
            recorded.stream.0.into(),
            generation.into(),
            class.as_str().into(),
            (class as i32).into(),
            priority.into(),
            recorded.position.into(),
            recorded.recorded_at.into(),
        ],
    )
}

fn started(clip: ClipId, generation: u32, token: i64, at: DateTime<Utc>) -> Statement {
    Statement::new(
        "UPDATE encoding_queue SET token = $3, updated_at = $4 WHERE clip_id = $1 AND generation = $2",
        vec![clip.0.into(), generation.into(), token.into(), at.into()],
    )
}

fn retry(clip: ClipId, generation: u32, retry_at: DateTime<Utc>, at: DateTime<Utc>) -> Statement {
    Statement::new(
        "UPDATE encoding_queue SET failures = failures + 1, run_after = $3, updated_at = $4 \
         WHERE clip_id = $1 AND generation = $2",
        vec![clip.0.into(), generation.into(), retry_at.into(), at.into()],
    )
}

fn ended(clip: ClipId, generation: u32, state: &str, at: DateTime<Utc>) -> Statement {
    Statement::new(
        "UPDATE encoding_queue SET state = $3, updated_at = $4 WHERE clip_id = $1 AND generation = $2",
        vec![clip.0.into(), generation.into(), state.into(), at.into()],
    )
}
