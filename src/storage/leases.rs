//! Leases: a unit of work belongs to one holder at a time, until it stops renewing.
//!
//! Each take-over raises the token, and whatever the holder does carries it: a late reply of a holder that lost its
//! lease is recognised and changes nothing.
//!
//! Instants come from [`Db::now`](super::Db::now): what one node believes about the time touches no other.

use chrono::{DateTime, Utc};
use clipper_projections::encoding_queue::LONGEST_LEASE;
use clipper_projections::{Query, Statement};

use super::{Db, StorageError};

/// A lease that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What it is on.
    pub resource: String,
    /// Who holds it.
    pub holder: String,
    /// The fencing token.
    pub token: i64,
}

#[derive(sqlx::FromRow)]
struct TokenRow {
    token: i64,
}

/// Takes a lease that is free or has run out; nothing, when somebody holds it. The token is higher than any before,
/// and higher than `above`. A lease that ends later than any could was left behind when the clock was set back.
pub async fn take(
    db: &Db,
    resource: &str,
    holder: &str,
    above: i64,
    (now, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Option<Lease>, StorageError> {
    let query = Query::<TokenRow>::new(
        "INSERT INTO leases (resource, holder, token, progress, expires_at, taken_at) VALUES ($1, $2, $3 + 1, 0, $5, $4) \
         ON CONFLICT (resource) DO UPDATE SET holder = excluded.holder, progress = 0, \
         token = CASE WHEN leases.token > $3 THEN leases.token + 1 ELSE $3 + 1 END, \
         expires_at = excluded.expires_at, taken_at = excluded.taken_at \
         WHERE leases.expires_at <= $4 OR leases.expires_at > $6 RETURNING token",
        vec![
            resource.into(),
            holder.into(),
            above.into(),
            now.into(),
            until.into(),
            (now + LONGEST_LEASE).into(),
        ],
    );
    let row = db.change(query).await?;
    Ok(row.map(|row| Lease {
        resource: resource.to_owned(),
        holder: holder.to_owned(),
        token: row.token,
    }))
}

/// Takes a lease whoever holds it. The one who loses it notices at its next renewal, and its token is worth nothing
/// from now on.
pub async fn seize(
    db: &Db,
    resource: &str,
    holder: &str,
    until: DateTime<Utc>,
) -> Result<Lease, StorageError> {
    let query = Query::<TokenRow>::new(
        "INSERT INTO leases (resource, holder, token, progress, expires_at) VALUES ($1, $2, 1, 0, $3) \
         ON CONFLICT (resource) DO UPDATE SET holder = excluded.holder, progress = 0, token = leases.token + 1, \
         expires_at = excluded.expires_at RETURNING token",
        vec![resource.into(), holder.into(), until.into()],
    );
    let row = db.change(query).await?;
    Ok(Lease {
        resource: resource.to_owned(),
        holder: holder.to_owned(),
        token: row.map_or(1, |row| row.token),
    })
}

/// Holds on to a lease; false, when it was lost.
pub async fn renew(
    db: &Db,
    lease: &Lease,
    progress: f64,
    until: DateTime<Utc>,
) -> Result<bool, StorageError> {
    let statement = Statement::new(
        "UPDATE leases SET progress = $3, expires_at = $4 WHERE resource = $1 AND token = $2",
        vec![
            lease.resource.as_str().into(),
            lease.token.into(),
            progress.into(),
            until.into(),
        ],
    );
    Ok(db.execute(&statement).await? == 1)
}

/// Gives a lease back, so that another may take it at once. The row stays: it remembers the token.
pub async fn give_back(db: &Db, lease: &Lease, now: DateTime<Utc>) -> Result<(), StorageError> {
    renew(db, lease, 0.0, now).await.map(|_| ())
}

/// Gives back what a holder holds that has lost sight of its lease.
pub async fn let_go(db: &Db, resource: &str, holder: &str, now: DateTime<Utc>) -> Result<(), StorageError> {
    let statement = Statement::new(
        "UPDATE leases SET expires_at = $3 WHERE resource = $1 AND holder = $2",
        vec![resource.into(), holder.into(), now.into()],
    );
    db.execute(&statement).await.map(|_| ())
}

#[derive(sqlx::FromRow)]
struct HolderRow {
    holder: String,
}

/// Whether somebody holds a lease now.
pub async fn is_held(db: &Db, resource: &str, now: DateTime<Utc>) -> Result<bool, StorageError> {
    let query = Query::<HolderRow>::new(
        "SELECT holder FROM leases WHERE resource = $1 AND expires_at > $2",
        vec![resource.into(), now.into()],
    );
    Ok(db.optional(query).await?.is_some())
}

/// Whether a lease is still with its holder, who has let it run out at worst.
pub async fn is_ours(db: &Db, lease: &Lease) -> Result<bool, StorageError> {
    let query = Query::<HolderRow>::new(
        "SELECT holder FROM leases WHERE resource = $1 AND token = $2",
        vec![lease.resource.as_str().into(), lease.token.into()],
    );
    Ok(db.optional(query).await?.is_some())
}

/// Takes a lease from whoever holds it, who notices at the next look at it.
pub async fn revoke(db: &Db, resource: &str, now: DateTime<Utc>) -> Result<(), StorageError> {
    let statement = Statement::new(
        "UPDATE leases SET token = token + 1, expires_at = $2 WHERE resource = $1",
        vec![resource.into(), now.into()],
    );
    db.execute(&statement).await.map(|_| ())
}

/// Forgets leases that ran out before this instant, and tells how many; the events that they led to remember their
/// tokens.
pub async fn sweep(db: &Db, before: DateTime<Utc>) -> Result<u64, StorageError> {
    let statement = Statement::new(
        "DELETE FROM leases WHERE expires_at < $1 AND (resource LIKE 'encode/%' OR resource LIKE 'import/%')",
        vec![before.into()],
    );
    db.execute(&statement).await
}

/// Who holds a lease, or held it last.
pub async fn holder(db: &Db, resource: &str) -> Result<Option<String>, StorageError> {
    let query = Query::<HolderRow>::new(
        "SELECT holder FROM leases WHERE resource = $1",
        vec![resource.into()],
    );
    Ok(db.optional(query).await?.map(|row| row.holder))
}
