//! Making a read model anew beside the live one, to replace it or to compare the two.
//!
//! Promises: the old rows serve until the one transaction that puts the new ones in their place; what was made is kept
//! page by page, so that a rebuild that breaks off goes on where it was; it runs in one place at a time.

mod counting;
mod making;

use std::time::Duration;

use chrono::{DateTime, Utc};
use clipper_projections::{Projection, Query, Statement};

pub(super) use self::counting::pauses;
use self::making::Making;
use super::{Db, Logs, StorageError, follow, leases};
use crate::clock::Clock;

/// What it is done with, and who does it.
#[derive(Clone, Copy)]
pub struct Bench<'a> {
    /// The database.
    pub db: &'a Db,
    /// Its logs.
    pub logs: &'a Logs,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Who.
    pub holder: &'a str,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// The last event that is in the new rows.
    pub position: i64,
    /// The event that they have to reach.
    pub until: i64,
    /// Events per second.
    pub rate: f64,
}

impl Progress {
    /// From 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
    pub fn share(&self) -> f64 {
        if self.until > 0 {
            (self.position as f64 / self.until as f64).min(1.0)
        } else {
            1.0
        }
    }

    /// How long it will take at this rate; nothing, before there is one.
    #[expect(clippy::cast_precision_loss, reason = "as above")]
    pub fn left(&self) -> Option<Duration> {
        let events = (self.until - self.position).max(0) as f64;
        Duration::try_from_secs_f64(events / self.rate).ok()
    }
}

/// A rebuild or a comparison that is under way, or broke off.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct RebuildRow {
    /// The projection.
    pub name: String,
    /// `rebuild` or `verify`.
    pub purpose: String,
    /// The version of the rows that are made.
    pub version: i64,
    /// The last event that is in them.
    pub position: i64,
    /// The live checkpoint at the beginning.
    pub seeded_at: i64,
    /// Streams that begin at or before this position were copied.
    pub tail: i64,
    /// The event that the rows have to reach.
    pub until: i64,
    /// The most events per second, if there is a limit.
    pub events_per_second: Option<f64>,
    /// Events per second lately.
    pub rate: f64,
    /// Why it broke off.
    pub error: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it moved last.
    pub updated_at: DateTime<Utc>,
}

impl RebuildRow {
    /// How far it has come.
    pub fn progress(&self) -> Progress {
        Progress {
            position: self.position,
            until: self.until,
            rate: self.rate,
        }
    }
}

/// A table that does not come out of the log as it stands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// Rows that stand on one side only, or differ.
    pub rows: i64,
    /// The key of the first of them.
    pub first_key: String,
    /// The columns in which the first differs.
    pub columns: Vec<&'static str>,
}

/// What a comparison found.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Verdict {
    /// The position up to which the log was replayed; how many rows were counted, of a read model that follows another.
    pub events: i64,
    /// What differs; nothing, when live and rebuilt rows are equal.
    pub difference: Option<Difference>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Rebuild,
    Verify,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Rebuild => "rebuild",
            Self::Verify => "verify",
        }
    }
}

/// Everything that is under way, or broke off.
pub async fn list(db: &Db) -> Result<Vec<RebuildRow>, StorageError> {
    let query = Query::new(
        "SELECT name, purpose, version, position, seeded_at, tail, until, events_per_second, rate, error, started_at, \
         updated_at FROM projection_rebuilds ORDER BY name, purpose",
        vec![],
    );
    db.all(query).await
}

/// Asks for a rebuild; whoever owns the projection does it. A rebuild that is under way goes on, at the new pace.
pub async fn request(
    db: &Db,
    projection: &Projection,
    events_per_second: Option<f64>,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let requested = Statement::new(
        "INSERT INTO projection_rebuilds (name, purpose, version, position, seeded_at, tail, until, \
         events_per_second, rate, started_at, updated_at) VALUES ($1, 'rebuild', 0, 0, 0, 0, 0, $2, 0, $3, $3) \
         ON CONFLICT (name, purpose) DO UPDATE SET events_per_second = excluded.events_per_second, error = NULL",
        vec![projection.name.into(), events_per_second.into(), now.into()],
    );
    db.execute(&requested).await.map(|_| ())
}

/// The rebuild of a projection that is asked for or under way.
pub async fn requested(db: &Db, projection: &Projection) -> Result<Option<RebuildRow>, StorageError> {
    let rows = list(db).await?;
    Ok(rows
        .into_iter()
        .find(|row| row.name == projection.name && row.purpose == Purpose::Rebuild.name()))
}

/// Makes the rows anew and puts them in the place of the live ones. Parked events get another chance; one that the live
/// rows could not take either stays parked, any other that fails stops the rebuild.
pub async fn rebuild(
    bench: Bench<'_>,
    projection: &Projection,
    events_per_second: Option<f64>,
    progress: impl Fn(Progress),
) -> Result<i64, StorageError> {
    if projection.is_derived() {
        return counting::make(bench, projection, Purpose::Rebuild, progress)
            .await
            .map(|(counted, _)| counted);
    }
    follow::begin(bench.db, projection, bench.clock.now()).await?;
    let mut making = Making::begin(bench, projection, Purpose::Rebuild, events_per_second).await?;
    let outcome = making.run(&progress).await;
    making.leave(&outcome).await?;
    outcome.map(|_| making.position)
}

/// Lets a rebuild go that this holder was dropped in the middle of: another may go on at once.
pub async fn abandon(bench: Bench<'_>, projection: &Projection) -> Result<(), StorageError> {
    let resource = making::resource(projection, Purpose::Rebuild);
    leases::let_go(bench.db, &resource, bench.holder, bench.clock.now()).await
}

/// Makes the rows anew up to the live checkpoint and compares row for row.
pub async fn verify(
    bench: Bench<'_>,
    projection: &Projection,
    progress: impl Fn(Progress),
) -> Result<Verdict, StorageError> {
    if projection.is_derived() {
        let (events, difference) = counting::make(bench, projection, Purpose::Verify, progress).await?;
        return Ok(Verdict { events, difference });
    }
    follow::begin(bench.db, projection, bench.clock.now()).await?;
    let mut making = Making::begin(bench, projection, Purpose::Verify, None).await?;
    let outcome = making.run(&progress).await;
    making.leave(&outcome).await?;
    outcome.map(|difference| Verdict {
        events: making.position,
        difference,
    })
}
