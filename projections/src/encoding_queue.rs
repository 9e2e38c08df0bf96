//! `encoding_queue`: one row per unit of work, what workers choose from. Leases are kept beside it, not in it: a lease
//! is an operational fact of this minute, not something that events tell.

pub mod standing;

use chrono::{DateTime, TimeDelta, Utc};
use clipper_domain::ClipId;
use clipper_domain::clip::{ClipEvent, EncodingClass};

use crate::fold::Page;
use crate::table::columns;
use crate::{Log, Projection, Query, ReadModel, Recorded, Row, Table};

/// The read model `encoding_queue`. Version 2 has a row per unit.
pub const PROJECTION: Projection = Projection {
    name: "encoding_queue",
    version: 2,
    log: Log::Clip,
    table: TABLE,
    page: || Page::<Encodings>::boxed(TABLE.key, TABLE.stream),
};

const TABLE: Table = Table {
    name: "encoding_queue",
    key: &["clip_id", "generation", "unit"],
    stream: "clip_id",
    since: None,
    columns: EncodingRow::COLUMNS,
};

/// A lease that ends later than this was taken before the clock was set back, and binds nobody.
pub const LONGEST_LEASE: TimeDelta = TimeDelta::minutes(15);

/// A row of `encoding_queue`.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct EncodingRow {
    clip_id: String,
    generation: i64,
    unit: i64,
    /// The name of its lease.
    lease: String,
    class: String,
    class_rank: i64,
    priority: i64,
    /// `waiting` (or running: the lease tells), `blocked` by other units, `completed`, `failed` or `cancelled`.
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
    unit: Int,
    lease: Text,
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

/// A unit of work that waits for a worker.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct WaitingRow {
    /// The clip's UUID as text.
    pub clip_id: String,
    /// The encoding.
    pub generation: i64,
    /// The unit.
    pub unit: i64,
    /// The name of its lease.
    pub lease: String,
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

/// Units that nobody works on, the most urgent first: by class, then priority; then the owner who was served the
/// longest ago, so that nobody's thousand clips stand before another's one; then age. The first unit of an encoding
/// makes the sound that the others need, so that these wait until somebody is at it.
pub fn waiting(now: DateTime<Utc>, limit: i64) -> Query<WaitingRow> {
    let remembered = now - TimeDelta::hours(1);
    Query::new(
        "WITH served AS (SELECT c.owner_id, max(l.expires_at) AS served_at FROM leases l \
         JOIN encoding_queue q ON q.lease = l.resource JOIN clips c ON c.id = q.clip_id \
         WHERE l.expires_at > $2 GROUP BY c.owner_id) \
         SELECT CAST(q.clip_id AS TEXT) AS clip_id, q.generation, q.unit, q.lease, q.token, q.position, q.requested_at \
         FROM encoding_queue q LEFT JOIN leases l ON l.resource = q.lease \
         LEFT JOIN clips c ON c.id = q.clip_id LEFT JOIN served s ON s.owner_id = c.owner_id \
         LEFT JOIN encoding_queue o ON o.clip_id = q.clip_id AND o.generation = q.generation AND o.unit = 0 \
         LEFT JOIN leases ol ON ol.resource = o.lease \
         WHERE q.state = 'waiting' AND (q.unit = 0 OR o.state = 'completed' OR ol.expires_at > $1) AND (q.run_after IS NULL OR q.run_after <= $1) \
         AND (l.expires_at IS NULL OR l.expires_at <= $1 OR l.expires_at > $4) \
         AND q.class NOT IN (SELECT class FROM paused_classes) \
         ORDER BY q.class_rank, q.priority DESC, s.served_at NULLS FIRST, q.position, q.unit LIMIT $3",
        vec![
            now.into(),
            remembered.into(),
            limit.into(),
            (now + LONGEST_LEASE).into(),
        ],
    )
}

/// How far an encoding has come.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct ProgressRow {
    /// From 0 to 1, the mean over its units.
    pub share: f64,
}

/// How far an encoding has come: ranges that are done count whole, those that are worked on as their leases tell. The
/// last look at the whole takes no time to speak of.
pub fn progress(clip: ClipId, generation: i64) -> Query<ProgressRow> {
    Query::new(
        "SELECT CAST(COALESCE(avg(CASE WHEN q.state = 'completed' THEN 1.0 \
         ELSE COALESCE(l.progress, 0.0) END), 0.0) AS DOUBLE PRECISION) AS share \
         FROM encoding_queue q LEFT JOIN leases l ON l.resource = q.lease \
         WHERE q.clip_id = $1 AND q.generation = $2 AND (q.unit = 0 OR q.unit < \
         (SELECT max(m.unit) FROM encoding_queue m WHERE m.clip_id = $1 AND m.generation = $2))",
        vec![clip.0.into(), generation.into()],
    )
}

/// The leases of an encoding's units.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct LeaseRow {
    /// The name.
    pub lease: String,
}

/// The leases of a clip's units that are not done, for whoever stops the work.
pub fn open_leases(clip: ClipId) -> Query<LeaseRow> {
    Query::new(
        "SELECT lease FROM encoding_queue WHERE clip_id = $1 AND state <> 'completed'",
        vec![clip.0.into()],
    )
}

/// Encodings that wait or run, per class.
pub fn depth() -> Query<DepthRow> {
    Query::new(
        "SELECT class, CAST(count(DISTINCT clip_id) AS BIGINT) AS depth FROM encoding_queue \
         WHERE state = 'waiting' GROUP BY class",
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
            } => replace(
                rows,
                EncodingRow::requested(recorded, *generation, *class, *priority),
            ),
            ClipEvent::EncodingPlanned { generation, plan } => {
                lay_out(rows, *generation, plan.last_unit(), at);
            }
            ClipEvent::EncodingStarted {
                generation,
                unit,
                token,
                ..
            } => change_unit(rows, *generation, *unit, at, |row| row.token = *token),
            ClipEvent::EncodingFailed {
                generation,
                unit,
                retry_at: Some(retry_at),
                ..
            } => change_unit(rows, *generation, *unit, at, |row| row.fail_until(*retry_at)),
            ClipEvent::UnitEncoded { generation, unit, .. } => complete(rows, *generation, *unit, at),
            ClipEvent::SourceRejected { generation, .. }
            | ClipEvent::CopyAbandoned { generation, .. }
            | ClipEvent::EncodingFailed {
                generation,
                retry_at: None,
                ..
            } => end(rows, *generation, at, "failed"),
            ClipEvent::EncodingCancelled { generation } => end(rows, *generation, at, "cancelled"),
            ClipEvent::EncodingCompleted { generation, .. } => end(rows, *generation, at, "completed"),
            ClipEvent::ClipRegistered(_)
            | ClipEvent::DetailsChanged(_)
            | ClipEvent::VisibilityChanged { .. }
            | ClipEvent::ClipDeleted { .. }
            | ClipEvent::ClipRestored {}
            | ClipEvent::PosterChosen { .. }
            | ClipEvent::PosterReset { .. }
            | ClipEvent::PurgeStarted {}
            | ClipEvent::MediaPurged { .. }
            | ClipEvent::SourceStored(_)
            | ClipEvent::SourceProbed(_)
            | ClipEvent::VariantPlayable { .. }
            | ClipEvent::SegmentsStored { .. }
            | ClipEvent::VariantReady { .. }
            | ClipEvent::VariantSkipped { .. }
            | ClipEvent::VariantFailed { .. }
            | ClipEvent::ThumbnailsReady { .. }
            | ClipEvent::CaptionsAdded { .. }
            | ClipEvent::CaptionsRemoved { .. } => {}
        }
    }
}

/// The first unit makes the plan; with it come the other ranges, and the last look, which waits for all of them.
fn lay_out(rows: &mut Vec<EncodingRow>, generation: u32, last: u32, at: DateTime<Utc>) {
    let opening = rows
        .iter()
        .find(|row| row.generation == i64::from(generation) && row.unit == 0);
    let Some(opening) = opening.cloned() else { return };
    for unit in 1..=last {
        rows.push(EncodingRow {
            unit: i64::from(unit),
            lease: lease(&opening.clip_id, generation, unit),
            state: if unit == last { "blocked" } else { "waiting" }.to_owned(),
            token: 0,
            failures: 0,
            run_after: None,
            updated_at: at,
            ..opening.clone()
        });
    }
}

/// One that was asked for anew has nothing of what bore its number before.
fn replace(rows: &mut Vec<EncodingRow>, row: EncodingRow) {
    rows.retain(|other| other.generation != row.generation);
    rows.push(row);
}

fn complete(rows: &mut [EncodingRow], generation: u32, unit: u32, at: DateTime<Utc>) {
    change_unit(rows, generation, unit, at, |row| {
        "completed".clone_into(&mut row.state);
    });
    unblock(rows, generation, at);
}

fn unblock(rows: &mut [EncodingRow], generation: u32, at: DateTime<Utc>) {
    let generation = i64::from(generation);
    let open = rows
        .iter()
        .any(|row| row.generation == generation && row.state == "waiting");
    let blocked = rows
        .iter_mut()
        .find(|row| row.generation == generation && row.state == "blocked");
    if let (false, Some(last)) = (open, blocked) {
        "waiting".clone_into(&mut last.state);
        last.updated_at = at;
    }
}

/// The name of the lease on a unit of work.
fn lease(clip: &str, generation: u32, unit: u32) -> String {
    format!("encode/{clip}/{generation}/{unit}")
}

fn end(rows: &mut [EncodingRow], generation: u32, at: DateTime<Utc>, state: &str) {
    for row in rows
        .iter_mut()
        .filter(|row| row.generation == i64::from(generation))
    {
        if row.state != "completed" {
            state.clone_into(&mut row.state);
            row.updated_at = at;
        }
    }
}

fn change_unit(
    rows: &mut [EncodingRow],
    generation: u32,
    unit: u32,
    at: DateTime<Utc>,
    assign: impl Fn(&mut EncodingRow),
) {
    for row in rows {
        if row.generation == i64::from(generation) && row.unit == i64::from(unit) {
            assign(row);
            row.updated_at = at;
        }
    }
}

impl EncodingRow {
    fn fail_until(&mut self, retry_at: DateTime<Utc>) {
        self.failures += 1;
        self.run_after = Some(retry_at);
    }

    fn requested(
        recorded: &Recorded<ClipId, ClipEvent>,
        generation: u32,
        class: EncodingClass,
        priority: i32,
    ) -> Self {
        Self {
            clip_id: recorded.stream.to_string(),
            generation: i64::from(generation),
            unit: 0,
            lease: lease(&recorded.stream.to_string(), generation, 0),
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
