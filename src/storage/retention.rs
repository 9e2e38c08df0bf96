//! Forgetting the oldest reports: the playback log is kept for its retention, the read models longer.
//!
//! Promises: nothing is forgotten that a projection has not applied; rows whose events are gone stay as they are, also
//! through rebuilds (`follow::Seed`). On PostgreSQL whole days go at once, on SQLite ranges of positions.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use clipper_projections::{Log, PROJECTIONS};

use super::{Db, Logs, StorageError, follow, rebuild};

/// A rebuild that moved within this time is under way, and needs what it has not read yet.
const UNDER_WAY: TimeDelta = TimeDelta::minutes(2);
/// Days for which there is a place before they begin.
const AHEAD: i64 = 3;

/// Makes places for the days to come.
pub async fn prepare(db: &Db, now: DateTime<Utc>) -> Result<(), StorageError> {
    for days in 0..AHEAD {
        db.add_day((now + TimeDelta::days(days)).date_naive()).await?;
    }
    Ok(())
}

/// Forgets what was reported more than this many days ago, and tells how many events that were.
pub async fn forget(db: &Db, logs: &Logs, days: u32, now: DateTime<Utc>) -> Result<i64, StorageError> {
    let oldest = (now - TimeDelta::days(i64::from(days))).date_naive();
    let cutoff = oldest.and_time(NaiveTime::MIN).and_utc();
    let due = logs.position_before(Log::Playback, cutoff).await?;
    let extent = logs.extent(Log::Playback).await?;
    let Some(safe) = applied_everywhere(db).await? else {
        return Ok(0);
    };
    if due <= extent.tail || rebuild_under_way(db, now).await? {
        return Ok(0);
    }
    // The last event stays: it says where the log ends.
    db.forget_reports(due.min(safe).min(extent.head - 1), oldest)
        .await
}

/// The position up to which every projection of the playback log has come; nothing, when one never began.
async fn applied_everywhere(db: &Db) -> Result<Option<i64>, StorageError> {
    let mut safe = i64::MAX;
    for projection in PROJECTIONS
        .iter()
        .filter(|projection| projection.log == Log::Playback && !projection.is_derived())
    {
        match follow::checkpoint(db, projection).await? {
            Some(checkpoint) if checkpoint.version == projection.version => {
                safe = safe.min(checkpoint.position);
            }
            Some(_) | None => return Ok(None),
        }
    }
    Ok(Some(safe))
}

async fn rebuild_under_way(db: &Db, now: DateTime<Utc>) -> Result<bool, StorageError> {
    let of_playback = |name: &str| {
        let mut projections = PROJECTIONS.iter();
        projections.any(|projection| {
            projection.name == name && projection.log == Log::Playback && !projection.is_derived()
        })
    };
    let rows = rebuild::list(db).await?;
    Ok(rows
        .iter()
        .any(|row| of_playback(&row.name) && row.error.is_none() && now - row.updated_at < UNDER_WAY))
}
