//! Roll-ups in the making: every session is counted anew beside the live ones, which stand still meanwhile.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use clipper_projections::{Arg, Projection, Query, Statement, streaming_analytics};
use uuid::Uuid;

use super::making::{LEASE, take_lease};
use super::{Bench, Difference, Progress, Purpose};
use crate::storage::error::chain;
use crate::storage::follow;
use crate::storage::leases::{self, Lease};
use crate::storage::rollups::{self, Place};
use crate::storage::{StorageError, Tx};

/// Sessions that are counted in one transaction.
const PAGE: i64 = 1_000;
/// A process that is silent for longer has died; the live roll-ups go on.
const SILENCE: TimeDelta = TimeDelta::minutes(1);

/// Whether the live roll-ups stand still because they are being made anew.
pub(in crate::storage) async fn pauses(
    tx: &mut Tx,
    projection: &Projection,
    now: DateTime<Utc>,
) -> Result<bool, StorageError> {
    let query = Query::<super::RebuildRow>::new(
        "SELECT name, purpose, version, position, seeded_at, tail, until, events_per_second, rate, error, started_at, \
         updated_at FROM projection_rebuilds WHERE name = $1 AND version = $2 AND error IS NULL AND updated_at > $3",
        vec![
            projection.name.into(),
            projection.version.into(),
            (now - SILENCE).into(),
        ],
    );
    Ok(tx.optional(query).await?.is_some())
}

/// Counts everything anew and swaps or compares; tells how many sessions there were.
pub(super) async fn make(
    bench: Bench<'_>,
    projection: &Projection,
    purpose: Purpose,
    progress: impl Fn(Progress),
) -> Result<(i64, Option<Difference>), StorageError> {
    let now = bench.clock.now();
    follow::begin(bench.db, &streaming_analytics::PROJECTION, now).await?;
    follow::begin(bench.db, projection, now).await?;
    let mut counting = Counting {
        lease: take_lease(bench, projection, purpose).await?,
        renewed: Instant::now(),
        bench,
        projection,
        purpose,
        place: Place::aside(purpose.name()),
        until: 0,
        counted: 0,
        last: (DateTime::UNIX_EPOCH, Uuid::nil()),
    };
    let outcome = counting.run(progress).await;
    counting.leave(&outcome).await?;
    outcome.map(|difference| (counting.counted, difference))
}

struct Counting<'a> {
    bench: Bench<'a>,
    projection: &'a Projection,
    purpose: Purpose,
    place: Place,
    lease: Lease,
    renewed: Instant,
    until: i64,
    counted: i64,
    /// The last session that was counted: when it began, and its identity.
    last: (DateTime<Utc>, Uuid),
}

#[derive(sqlx::FromRow)]
struct CountRow {
    count: i64,
}

#[derive(sqlx::FromRow)]
struct PlaceRow {
    id: String,
    created_at: DateTime<Utc>,
}

impl Counting<'_> {
    async fn run(&mut self, progress: impl Fn(Progress)) -> Result<Option<Difference>, StorageError> {
        self.start().await?;
        let started = Instant::now();
        while self.count_page(started).await? {
            progress(Progress {
                position: self.counted,
                until: self.until,
                rate: self.rate(started),
            });
            self.keep_lease().await?;
        }
        while self.catch_up().await? {
            self.keep_lease().await?;
        }
        self.finish().await
    }

    async fn start(&mut self) -> Result<(), StorageError> {
        let mut tx = self.bench.db.begin().await?;
        follow::lock_checkpoint(&mut tx, self.projection).await?;
        self.clear(&mut tx).await?;
        for target in self.place.tables() {
            tx.create_aside(target).await?;
        }
        let all = Query::<CountRow>::new(
            "SELECT CAST(COUNT(*) AS BIGINT) AS count FROM video_streaming_analytics",
            vec![],
        );
        self.until = tx.optional(all).await?.map_or(0, |row| row.count);
        let begun = Statement::new(
            "INSERT INTO projection_rebuilds (name, purpose, version, position, seeded_at, tail, until, rate, \
             started_at, updated_at) VALUES ($1, $2, $3, 0, 0, 0, $4, 0, $5, $5)",
            vec![
                self.projection.name.into(),
                self.purpose.name().into(),
                self.projection.version.into(),
                self.until.into(),
                self.bench.clock.now().into(),
            ],
        );
        tx.execute(&begun).await?;
        tx.commit().await
    }

    /// Counts the next sessions by their beginning: neighbours share cells.
    async fn count_page(&mut self, started: Instant) -> Result<bool, StorageError> {
        let mut tx = self.bench.db.begin().await?;
        let (at, id) = self.last;
        let next = Query::<PlaceRow>::new(
            "SELECT CAST(id AS TEXT) AS id, created_at FROM video_streaming_analytics \
             WHERE (created_at, id) > ($1, $2) ORDER BY video_streaming_analytics.created_at, \
             video_streaming_analytics.id LIMIT $3",
            vec![at.into(), id.into(), PAGE.into()],
        );
        let page = tx.all(next).await?;
        let sessions: Vec<Uuid> = page.iter().filter_map(|row| row.id.parse().ok()).collect();
        let Some((last, id)) = page.last().zip(sessions.last()) else {
            return Ok(false);
        };
        rollups::count(&mut tx, &self.place, &sessions).await?;
        self.last = (last.created_at, *id);
        self.counted += i64::try_from(page.len()).unwrap_or(PAGE);
        self.move_on(&mut tx, self.rate(started)).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Counts sessions that changed meanwhile: beside the live ones, and in them.
    async fn catch_up(&mut self) -> Result<bool, StorageError> {
        let mut tx = self.bench.db.begin().await?;
        let live = follow::lock_checkpoint(&mut tx, self.projection).await?;
        let more = self.catch_up_in(&mut tx, live.version).await?;
        self.move_on(&mut tx, 0.0).await?;
        tx.commit().await?;
        Ok(more)
    }

    async fn catch_up_in(&self, tx: &mut Tx, live_version: i64) -> Result<bool, StorageError> {
        let waiting = rollups::take_pending(tx, rollups::BATCH).await?;
        rollups::count(tx, &self.place, &waiting.sessions).await?;
        // Rows of another version are not understood; they serve until they are replaced.
        if live_version == self.projection.version {
            rollups::count(tx, &Place::live(), &waiting.sessions).await?;
        }
        Ok(waiting.taken == rollups::BATCH)
    }

    /// The last step, while sessions and roll-ups stand still.
    async fn finish(&mut self) -> Result<Option<Difference>, StorageError> {
        let now = self.bench.clock.now();
        let mut tx = self.bench.db.begin().await?;
        let sessions = follow::lock_checkpoint(&mut tx, &streaming_analytics::PROJECTION).await?;
        let live = follow::lock_checkpoint(&mut tx, self.projection).await?;
        while self.catch_up_in(&mut tx, live.version).await? {}
        self.move_on(&mut tx, 0.0).await?;
        let mut difference = None;
        for target in self.place.tables() {
            match self.purpose {
                Purpose::Rebuild => tx.replace_live(target).await?,
                Purpose::Verify if difference.is_some() => {}
                Purpose::Verify => {
                    let found = tx.difference(target).await?;
                    difference = found.map(|found| Difference {
                        table: target.table.name,
                        rows: found.rows,
                        first_key: found.first_key,
                        columns: found.columns,
                    });
                }
            }
        }
        if self.purpose == Purpose::Rebuild {
            let moved = Statement::new(
                "UPDATE projection_checkpoints SET version = $2, position = $3, updated_at = $4 WHERE name = $1",
                vec![
                    self.projection.name.into(),
                    self.projection.version.into(),
                    sessions.position.into(),
                    now.into(),
                ],
            );
            tx.execute(&moved).await?;
        }
        self.clear(&mut tx).await?;
        tx.commit().await?;
        Ok(difference)
    }

    /// Fails when it was told to begin again, or somebody else did.
    async fn move_on(&self, tx: &mut Tx, rate: f64) -> Result<(), StorageError> {
        let moved = Statement::new(
            "UPDATE projection_rebuilds SET position = $3, rate = $4, updated_at = $5 \
             WHERE name = $1 AND purpose = $2 AND version = $6",
            vec![
                self.projection.name.into(),
                self.purpose.name().into(),
                self.counted.into(),
                rate.into(),
                self.bench.clock.now().into(),
                self.projection.version.into(),
            ],
        );
        match tx.execute(&moved).await? {
            1 => Ok(()),
            _ => Err(self.lost()),
        }
    }

    fn lost(&self) -> StorageError {
        StorageError::CheckpointMoved {
            projection: self.projection.name,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
    fn rate(&self, started: Instant) -> f64 {
        self.counted as f64 / started.elapsed().as_secs_f64().max(0.001)
    }

    async fn keep_lease(&mut self) -> Result<(), StorageError> {
        if self.renewed.elapsed() < Duration::from_secs(2) {
            return Ok(());
        }
        self.renewed = Instant::now();
        let until = self.bench.clock.now() + LEASE;
        if leases::renew(self.bench.db, &self.lease, 0.0, until).await? {
            Ok(())
        } else {
            Err(self.lost())
        }
    }

    async fn clear(&self, tx: &mut Tx) -> Result<(), StorageError> {
        for target in self.place.tables() {
            tx.drop_aside(target).await?;
        }
        let ended = Statement::new(
            "DELETE FROM projection_rebuilds WHERE name = $1 AND purpose = $2",
            self.named(),
        );
        tx.execute(&ended).await.map(|_| ())
    }

    fn named(&self) -> Vec<Arg> {
        vec![self.projection.name.into(), self.purpose.name().into()]
    }

    /// Gives the lease back, and writes down why it broke off, if it did. The live roll-ups go on at once.
    async fn leave(&self, outcome: &Result<Option<Difference>, StorageError>) -> Result<(), StorageError> {
        if let Err(error) = outcome {
            let mut args = self.named();
            args.push(Some(chain(error)).filter(|_| !follow::is_passing(error)).into());
            let written = Statement::new(
                "UPDATE projection_rebuilds SET version = 0, error = $3 WHERE name = $1 AND purpose = $2",
                args,
            );
            self.bench.db.execute(&written).await?;
        }
        leases::give_back(self.bench.db, &self.lease, self.bench.clock.now()).await
    }
}
