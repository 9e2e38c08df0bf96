//! Where read models stand, as people and other programs ask for it.

use chrono::{DateTime, Utc};
use clipper_projections::{PROJECTIONS, Projection};
use serde::Serialize;

use super::rebuild::{self, RebuildRow};
use super::{Db, Logs, StorageError, follow, leases};

/// Where a read model stands.
#[derive(Clone, Debug, schemars::JsonSchema, Serialize)]
#[schemars(rename = "Projection")]
pub struct Status {
    /// Its name.
    pub name: &'static str,
    /// The version of its rows; nothing, when it never began.
    pub version: Option<i64>,
    /// The log that it follows.
    pub log: &'static str,
    /// The last event that is in the rows.
    pub position: i64,
    /// Events that are not applied yet.
    pub lag: i64,
    /// The process that follows for it, or did last.
    pub owner: Option<String>,
    /// When it moved last.
    pub updated_at: Option<DateTime<Utc>>,
    /// A rebuild or comparison that is under way, or broke off.
    pub rebuild: Option<RebuildStatus>,
}

/// How far a rebuild or comparison has come.
#[derive(Clone, Debug, schemars::JsonSchema, Serialize)]
#[schemars(rename = "Rebuild")]
pub struct RebuildStatus {
    /// `rebuild` or `verify`.
    pub purpose: String,
    /// The version of the rows that are made.
    pub version: i64,
    /// The last event that is in them.
    pub position: i64,
    /// The event that they have to reach.
    pub until: i64,
    /// From 0 to 100.
    pub percent: f64,
    /// Events per second lately.
    pub events_per_second: f64,
    /// How long it will take at this rate.
    pub seconds_left: Option<u64>,
    /// Why it broke off.
    pub error: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
}

impl From<&RebuildRow> for RebuildStatus {
    fn from(row: &RebuildRow) -> Self {
        let progress = row.progress();
        Self {
            purpose: row.purpose.clone(),
            version: row.version,
            position: row.position,
            until: row.until,
            percent: progress.share() * 100.0,
            events_per_second: progress.rate,
            seconds_left: progress.left().map(|left| left.as_secs()),
            error: row.error.clone(),
            started_at: row.started_at,
        }
    }
}

/// Where every read model stands.
pub async fn all(db: &Db, logs: &Logs) -> Result<Vec<Status>, StorageError> {
    let rebuilds = rebuild::list(db).await?;
    let mut all = vec![];
    for projection in &PROJECTIONS {
        all.push(of(db, logs, projection, &rebuilds).await?);
    }
    Ok(all)
}

async fn of(
    db: &Db,
    logs: &Logs,
    projection: &Projection,
    rebuilds: &[RebuildRow],
) -> Result<Status, StorageError> {
    let checkpoint = follow::checkpoint(db, projection).await?;
    // The head is asked for last: it is never behind the checkpoint.
    let head = logs.head(projection.log).await?;
    let position = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.position);
    Ok(Status {
        name: projection.name,
        version: checkpoint.as_ref().map(|checkpoint| checkpoint.version),
        log: projection.log.name(),
        position,
        lag: (head - position).max(0),
        owner: leases::holder(db, &follow::ownership_of(projection)).await?,
        updated_at: checkpoint.map(|checkpoint| checkpoint.updated_at),
        rebuild: rebuilds
            .iter()
            .find(|row| row.name == projection.name)
            .map(RebuildStatus::from),
    })
}
