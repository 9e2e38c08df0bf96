//! What operators do to the queue: holding classes back, and taking work away from whoever is at it.

use chrono::{DateTime, Utc};
use clipper_domain::ClipId;
use clipper_domain::clip::EncodingClass;
use clipper_projections::{Statement, encoding_queue};

use super::{Db, StorageError, leases};

/// Holds a class back; one that is held back stays so. What is worked on already goes on.
pub async fn pause(db: &Db, class: EncodingClass, now: DateTime<Utc>) -> Result<(), StorageError> {
    let statement = Statement::new(
        "INSERT INTO paused_classes (class, paused_at) VALUES ($1, $2) ON CONFLICT (class) DO NOTHING",
        vec![class.as_str().into(), now.into()],
    );
    db.execute(&statement).await.map(|_| ())
}

/// Lets a class go on.
pub async fn resume(db: &Db, class: EncodingClass) -> Result<(), StorageError> {
    let statement = Statement::new(
        "DELETE FROM paused_classes WHERE class = $1",
        vec![class.as_str().into()],
    );
    db.execute(&statement).await.map(|_| ())
}

/// Takes the leases on a clip's units away, so that whoever works on them stops, on whichever node. The clip itself has
/// ended the encoding before: what a worker still says is refused.
pub async fn revoke(db: &Db, clip: ClipId, now: DateTime<Utc>) -> Result<(), StorageError> {
    for row in db.all(encoding_queue::open_leases(clip)).await? {
        leases::revoke(db, &row.lease, now).await?;
    }
    Ok(())
}
