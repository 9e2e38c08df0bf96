//! One look at a projection: who owns it, what is new in its log, and whether its rows are of this version.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use clipper_projections::Projection;

use super::{Ambition, Followed};
use crate::storage::leases::{self, Lease};
use crate::storage::rebuild;
use crate::storage::{Db, StorageError, follow};

/// Pages that are applied before other messages get their turn.
const PAGES: usize = 8;
/// How long a silent owner keeps the others away.
const LEASE: TimeDelta = TimeDelta::seconds(5);
const RENEW: Duration = Duration::from_secs(1);
/// How often roll-ups count what changed.
const COUNTING: Duration = Duration::from_millis(500);

/// What a projector knows between two looks.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    ambition: Ambition,
    pub(super) lease: Option<Lease>,
    renewed: Option<Instant>,
    /// The checkpoint; nothing before it was read, and after another process moved it.
    pub(super) position: Option<i64>,
    pub(super) rebuild_after: Instant,
    /// When roll-ups looked last for what changed.
    counted: Option<Instant>,
}

impl Standing {
    pub(super) fn new(ambition: Ambition) -> Self {
        Self {
            ambition,
            lease: None,
            renewed: None,
            position: None,
            rebuild_after: Instant::now(),
            counted: None,
        }
    }
}

/// What a look came to.
pub(super) struct Seen {
    pub(super) position: i64,
    /// Whether there is more to be applied.
    pub(super) more: bool,
    /// Whether the read model has to be made anew.
    pub(super) rebuild: Option<Pace>,
}

#[derive(Clone, Copy)]
pub(super) struct Pace {
    pub(super) events_per_second: Option<f64>,
}

pub(super) async fn look(
    projection: &'static Projection,
    followed: Followed,
    mut standing: Standing,
) -> (Standing, Result<Seen, StorageError>) {
    let result = look_with(projection, &followed, &mut standing).await;
    (standing, result)
}

async fn look_with(
    projection: &'static Projection,
    followed: &Followed,
    standing: &mut Standing,
) -> Result<Seen, StorageError> {
    let Followed { db, logs, clock, .. } = followed;
    let renewal = standing.renewed.is_none_or(|renewed| renewed.elapsed() >= RENEW);
    if renewal {
        hold_on(projection, followed, standing).await?;
    }
    // Whoever replaces the rows that others are derived from tells so by the checkpoint.
    let known = standing.position.filter(|_| !projection.is_derived());
    let (position, rows) = if let (Some(position), Some(_)) = (known, &standing.lease) {
        (position, Rows::Ours)
    } else {
        let checkpoint = follow::begin(db, projection, clock.now()).await?;
        (checkpoint.position, Rows::of(checkpoint.version, projection))
    };
    let mut seen = Seen {
        position,
        more: false,
        rebuild: None,
    };
    if standing.lease.is_none() {
        return Ok(seen);
    }
    if renewal && Instant::now() >= standing.rebuild_after {
        seen.rebuild = requested_rebuild(projection, db, rows).await?;
    }
    // Rows of another version are left alone; they serve until the new ones take their place.
    if rows != Rows::Ours {
        return Ok(seen);
    }
    // What changes often is counted once a while rather than each time.
    if projection.is_derived() {
        if standing
            .counted
            .is_some_and(|counted| counted.elapsed() < COUNTING)
        {
            standing.position = Some(seen.position);
            return Ok(seen);
        }
        standing.counted = Some(Instant::now());
    }
    for _ in 0..PAGES {
        let reached = follow::advance(db, logs, projection, seen.position, clock.now()).await?;
        seen.more = reached != seen.position;
        seen.position = reached;
        if !seen.more {
            break;
        }
    }
    standing.position = Some(seen.position);
    Ok(seen)
}

/// Keeps the lease, or takes it.
async fn hold_on(
    projection: &Projection,
    followed: &Followed,
    standing: &mut Standing,
) -> Result<(), StorageError> {
    let db = &followed.db;
    let now = db.now(followed.clock.as_ref()).await?;
    if let Some(lease) = &standing.lease {
        if leases::renew(db, lease, 0.0, now + LEASE).await? {
            standing.renewed = Some(Instant::now());
            return Ok(());
        }
        standing.position = None;
    }
    standing.lease = match standing.ambition {
        Ambition::Lead => {
            Some(leases::seize(db, &follow::ownership_of(projection), &followed.node, now + LEASE).await?)
        }
        Ambition::StandBy => {
            let resource = follow::ownership_of(projection);
            leases::take(db, &resource, &followed.node, 0, (now, now + LEASE)).await?
        }
    };
    // Whoever comes later may lead: it is taken over once, not fought for.
    standing.ambition = Ambition::StandBy;
    standing.renewed = Some(Instant::now());
    Ok(())
}

/// Whose rows there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rows {
    /// Those of this program's version.
    Ours,
    /// Those of an older program: they are made anew.
    Older,
    /// Those of a newer program, which is being introduced or was: they are not turned back unasked.
    Newer,
}

impl Rows {
    fn of(version: i64, projection: &Projection) -> Self {
        match version.cmp(&projection.version) {
            std::cmp::Ordering::Less => Self::Older,
            std::cmp::Ordering::Equal => Self::Ours,
            std::cmp::Ordering::Greater => Self::Newer,
        }
    }
}

async fn requested_rebuild(
    projection: &Projection,
    db: &Db,
    rows: Rows,
) -> Result<Option<Pace>, StorageError> {
    let row = rebuild::requested(db, projection).await?;
    let pace = |row: Option<rebuild::RebuildRow>| Pace {
        events_per_second: row.and_then(|row| row.events_per_second),
    };
    Ok(match row {
        row if rows == Rows::Older => Some(pace(row)),
        // One that another version of the program began is left to it.
        Some(row)
            if rows == Rows::Ours
                && row.error.is_none()
                && [0, projection.version].contains(&row.version) =>
        {
            Some(pace(Some(row)))
        }
        Some(_) | None => None,
    })
}
