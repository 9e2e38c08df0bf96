//! Rows in the making: seeded, caught up page by page, and at last swapped in or compared.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use clipper_projections::{Projection, Query, RawEvent, Statement};

use super::{Bench, Difference, Progress, Purpose, RebuildRow};
use crate::storage::dialect::Target;
use crate::storage::error::chain;
use crate::storage::follow::{self, PAGE, Rows, Seed};
use crate::storage::leases::{self, Lease};
use crate::storage::{StorageError, Tx, parked, rollups};

/// How long a silent rebuild keeps others away. A page takes a fraction of a second.
pub(super) const LEASE: TimeDelta = TimeDelta::seconds(15);

/// Rows in the making.
pub(super) struct Making<'a> {
    bench: Bench<'a>,
    projection: &'a Projection,
    purpose: Purpose,
    lease: Lease,
    renewed: Instant,
    rows: Rows<'a>,
    pub(super) position: i64,
    events_per_second: Option<f64>,
}

/// What the last step came to.
enum Finished {
    /// Done; what differs, if that was the question.
    Done(Option<Difference>),
    /// The live rows have moved too far meanwhile.
    Behind,
}

impl<'a> Making<'a> {
    /// Takes the lease and goes on where an earlier attempt broke off, or starts afresh.
    pub(super) async fn begin(
        bench: Bench<'a>,
        projection: &'a Projection,
        purpose: Purpose,
        events_per_second: Option<f64>,
    ) -> Result<Self, StorageError> {
        let lease = take_lease(bench, projection, purpose).await?;
        let mut tx = bench.db.begin().await?;
        let row = state(&mut tx, projection, purpose).await?;
        let tail = bench.logs.extent(projection.log).await?.tail;
        // What was not read before retention took it cannot be made up for.
        let goes_on = row.filter(|row| {
            purpose == Purpose::Rebuild && row.version == projection.version && row.position >= tail
        });
        let (seed, position) = match &goes_on {
            Some(row) => (
                Seed {
                    seeded_at: row.seeded_at,
                    tail: row.tail,
                },
                row.position,
            ),
            None => start_afresh(&mut tx, bench, projection, purpose, events_per_second).await?,
        };
        tx.commit().await?;
        Ok(Self {
            bench,
            projection,
            purpose,
            lease,
            renewed: Instant::now(),
            rows: Rows::aside(projection, purpose.name(), seed),
            position,
            events_per_second: events_per_second.or(goes_on.and_then(|row| row.events_per_second)),
        })
    }

    pub(super) async fn run(
        &mut self,
        progress: &impl Fn(Progress),
    ) -> Result<Option<Difference>, StorageError> {
        loop {
            self.catch_up(progress).await?;
            if let Finished::Done(difference) = self.finish().await? {
                return Ok(difference);
            }
        }
    }

    async fn catch_up(&mut self, progress: &impl Fn(Progress)) -> Result<(), StorageError> {
        let (started, from) = (Instant::now(), self.position);
        let until = self.until().await?;
        let mut page = self.page_after(self.position, until).await?;
        while let Some(last) = page.last().map(|raw| raw.position) {
            let rate = per_second(last - from, started.elapsed());
            // The next page is read while this one is applied.
            let (applied, next) =
                tokio::join!(self.apply(&page, last, until, rate), self.page_after(last, until));
            if let Err(refused) = applied {
                self.isolate(&page, until, refused).await?;
            }
            page = next?;
            self.position = last;
            progress(Progress {
                position: last,
                until,
                rate,
            });
            self.keep_lease().await?;
            self.pace(last - from, started).await;
        }
        Ok(())
    }

    async fn page_after(&self, position: i64, until: i64) -> Result<Vec<RawEvent>, StorageError> {
        self.events_after(position, self.page_size().min(until - position))
            .await
    }

    async fn events_after(&self, position: i64, limit: i64) -> Result<Vec<RawEvent>, StorageError> {
        if limit <= 0 {
            return Ok(vec![]);
        }
        let page = follow::read_page(self.bench.logs, self.projection.log, position, limit).await?;
        match page.first() {
            // Retention took what was not read yet; it cannot be made up for, and everything begins again.
            Some(first) if first.position != position + 1 => Err(self.lost()),
            Some(_) | None => Ok(page),
        }
    }

    fn lost(&self) -> StorageError {
        StorageError::CheckpointMoved {
            projection: self.projection.name,
        }
    }

    async fn apply(&self, page: &[RawEvent], last: i64, until: i64, rate: f64) -> Result<(), StorageError> {
        let now = self.bench.clock.now();
        let mut tx = self.bench.db.begin().await?;
        self.move_to(&mut tx, self.position, last, (until, rate, now))
            .await?;
        let held = parked::held(&mut tx, &self.rows).await?;
        follow::apply(&mut tx, &self.rows, page, held, now).await?;
        tx.commit().await
    }

    /// A page that the table refuses is applied event by event. The one that is refused alone is parked, where it may be.
    async fn isolate(
        &self,
        page: &[RawEvent],
        until: i64,
        refused: StorageError,
    ) -> Result<(), StorageError> {
        if follow::is_passing(&refused) || matches!(refused, StorageError::Inapplicable { .. }) {
            return Err(refused);
        }
        let mut position = self.position;
        for raw in page {
            let single = std::slice::from_ref(raw);
            let now = self.bench.clock.now();
            let mut tx = self.bench.db.begin().await?;
            self.move_to(&mut tx, position, raw.position, (until, 0.0, now))
                .await?;
            let held = parked::held(&mut tx, &self.rows).await?;
            let may_park = held.may_park(raw);
            match follow::apply(&mut tx, &self.rows, single, held, now).await {
                Ok(_parked) => tx.commit().await?,
                Err(error) if follow::is_passing(&error) || !may_park => return Err(error),
                Err(error) => {
                    tx.rollback().await?;
                    let mut tx = self.bench.db.begin().await?;
                    self.move_to(&mut tx, position, raw.position, (until, 0.0, now))
                        .await?;
                    parked::park(&mut tx, &self.rows.parked_as, raw, &error, now).await?;
                    tx.commit().await?;
                }
            }
            position = raw.position;
        }
        Ok(())
    }

    /// A comparison goes as far as the live rows, a rebuild as far as the log.
    async fn until(&self) -> Result<i64, StorageError> {
        match self.purpose {
            Purpose::Rebuild => self.bench.logs.head(self.projection.log).await,
            Purpose::Verify => {
                let live = follow::checkpoint(self.bench.db, self.projection).await?;
                Ok(live.map_or(0, |checkpoint| checkpoint.position))
            }
        }
    }

    /// Under a limit, what is due in half a second.
    #[expect(clippy::cast_possible_truncation, reason = "a page is small")]
    fn page_size(&self) -> i64 {
        let half_a_second = self.events_per_second.map(|limit| (limit / 2.0) as i64);
        half_a_second.map_or(PAGE, |events| events.clamp(1, PAGE))
    }

    /// Waits until no more than the limit was applied.
    #[expect(clippy::cast_precision_loss, reason = "a count of events in one run")]
    async fn pace(&self, applied: i64, started: Instant) {
        let due = self.events_per_second.map(|limit| applied as f64 / limit);
        let due = due.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        if let Some(early) = due.and_then(|due| due.checked_sub(started.elapsed())) {
            tokio::time::sleep(early).await;
        }
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

    /// Moves the position of the new rows; fails when somebody else did, or began them again.
    async fn move_to(
        &self,
        tx: &mut Tx,
        from: i64,
        to: i64,
        (until, rate, now): (i64, f64, DateTime<Utc>),
    ) -> Result<(), StorageError> {
        let moved = Statement::new(
            "UPDATE projection_rebuilds SET position = $4, until = $5, rate = $6, updated_at = $7, error = NULL \
             WHERE name = $1 AND purpose = $2 AND position = $3 AND version = $8 AND seeded_at = $9",
            vec![
                self.projection.name.into(),
                self.purpose.name().into(),
                from.into(),
                to.into(),
                until.into(),
                rate.into(),
                now.into(),
                self.projection.version.into(),
                self.rows.aside.map_or(0, |seed| seed.seeded_at).into(),
            ],
        );
        match tx.execute(&moved).await? {
            1 => Ok(()),
            _ => Err(self.lost()),
        }
    }

    /// The last step, while the live rows stand still: applies what is left, and swaps or compares.
    async fn finish(&mut self) -> Result<Finished, StorageError> {
        let now = self.bench.clock.now();
        let mut tx = self.bench.db.begin().await?;
        let live = follow::lock_checkpoint(&mut tx, self.projection).await?;
        let ahead = self.purpose == Purpose::Verify && self.position > live.position;
        if live.position - self.position > PAGE || ahead {
            return Ok(Finished::Behind);
        }
        self.move_to(&mut tx, self.position, self.position, (live.position, 0.0, now))
            .await?;
        if live.position > self.position {
            let left = live.position - self.position;
            let page = self.events_after(self.position, left).await?;
            let held = parked::held(&mut tx, &self.rows).await?;
            follow::apply(&mut tx, &self.rows, &page, held, now).await?;
            self.position = live.position;
        }
        let difference = match self.purpose {
            Purpose::Rebuild => {
                self.swap(&mut tx, now).await?;
                None
            }
            Purpose::Verify => self.compare(&mut tx).await?,
        };
        clear(&mut tx, self.projection, self.purpose).await?;
        tx.commit().await?;
        Ok(Finished::Done(difference))
    }

    async fn swap(&self, tx: &mut Tx, now: DateTime<Utc>) -> Result<(), StorageError> {
        tx.replace_live(&self.rows.target).await?;
        parked::replace(tx, &self.rows).await?;
        let moved = Statement::new(
            "UPDATE projection_checkpoints SET version = $2, position = $3, updated_at = $4 WHERE name = $1",
            vec![
                self.projection.name.into(),
                self.projection.version.into(),
                self.position.into(),
                now.into(),
            ],
        );
        tx.execute(&moved).await?;
        rollups::start_over(tx, self.projection, now).await
    }

    async fn compare(&self, tx: &mut Tx) -> Result<Option<Difference>, StorageError> {
        let found = tx.difference(&self.rows.target).await?;
        Ok(found.map(|found| Difference {
            table: self.projection.table.name,
            rows: found.rows,
            first_key: found.first_key,
            columns: found.columns,
        }))
    }

    /// Gives the lease back, and writes down why it broke off, if it did.
    pub(super) async fn leave(
        &self,
        outcome: &Result<Option<Difference>, StorageError>,
    ) -> Result<(), StorageError> {
        // What passes is tried again; what does not is for people to read.
        if let Some(error) = outcome.as_ref().err().filter(|error| !follow::is_passing(error)) {
            let written = Statement::new(
                "UPDATE projection_rebuilds SET error = $3 WHERE name = $1 AND purpose = $2",
                vec![
                    self.projection.name.into(),
                    self.purpose.name().into(),
                    chain(error).into(),
                ],
            );
            self.bench.db.execute(&written).await?;
        }
        leases::give_back(self.bench.db, &self.lease, self.bench.clock.now()).await
    }
}

/// The lease on making a read model anew.
pub(super) fn resource(projection: &Projection, purpose: Purpose) -> String {
    format!("{}/{}", purpose.name(), projection.name)
}

pub(super) async fn take_lease(
    bench: Bench<'_>,
    projection: &Projection,
    purpose: Purpose,
) -> Result<Lease, StorageError> {
    let resource = resource(projection, purpose);
    let now = bench.clock.now();
    let taken = leases::take(bench.db, &resource, bench.holder, 0, (now, now + LEASE)).await?;
    match taken {
        Some(lease) => Ok(lease),
        None => Err(StorageError::RebuildRunning {
            projection: projection.name,
            holder: leases::holder(bench.db, &resource).await?.unwrap_or_default(),
        }),
    }
}

async fn state(
    tx: &mut Tx,
    projection: &Projection,
    purpose: Purpose,
) -> Result<Option<RebuildRow>, StorageError> {
    tx.optional(Query::new(
        "SELECT name, purpose, version, position, seeded_at, tail, until, events_per_second, rate, error, started_at, \
         updated_at FROM projection_rebuilds WHERE name = $1 AND purpose = $2",
        vec![projection.name.into(), purpose.name().into()],
    ))
    .await
}

/// Makes an empty table, with only the rows in it that the log cannot give back.
async fn start_afresh(
    tx: &mut Tx,
    bench: Bench<'_>,
    projection: &Projection,
    purpose: Purpose,
    events_per_second: Option<f64>,
) -> Result<(Seed, i64), StorageError> {
    let live = follow::lock_checkpoint(tx, projection).await?;
    let tail = bench.logs.extent(projection.log).await?.tail;
    clear(tx, projection, purpose).await?;
    let target = Target::aside(&projection.table, purpose.name());
    tx.create_aside(&target).await?;
    if let Some(since) = projection.table.since {
        tx.copy_forgotten(&target, since, tail).await?;
    }
    let begun = Statement::new(
        "INSERT INTO projection_rebuilds (name, purpose, version, position, seeded_at, tail, until, \
         events_per_second, rate, started_at, updated_at) VALUES ($1, $2, $3, $4, $5, $4, $5, $6, 0, $7, $7)",
        vec![
            projection.name.into(),
            purpose.name().into(),
            projection.version.into(),
            tail.into(),
            live.position.into(),
            events_per_second.into(),
            bench.clock.now().into(),
        ],
    );
    tx.execute(&begun).await?;
    let seed = Seed {
        seeded_at: live.position,
        tail,
    };
    Ok((seed, tail))
}

/// Takes away what was made beside the live rows.
async fn clear(tx: &mut Tx, projection: &Projection, purpose: Purpose) -> Result<(), StorageError> {
    tx.drop_aside(&Target::aside(&projection.table, purpose.name()))
        .await?;
    parked::forget(tx, &format!("{}/{}", projection.name, purpose.name())).await?;
    let ended = Statement::new(
        "DELETE FROM projection_rebuilds WHERE name = $1 AND purpose = $2",
        vec![projection.name.into(), purpose.name().into()],
    );
    tx.execute(&ended).await.map(|_| ())
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
fn per_second(events: i64, time: Duration) -> f64 {
    events as f64 / time.as_secs_f64().max(0.001)
}
