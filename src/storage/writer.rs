//! The group-commit writer: appends that arrive together share one transaction and one fsync.
//!
//! Promises: an append is answered after its commit; each has its own verdict, so that a conflict costs only its own
//! request; a full queue refuses at once instead of growing.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clipper_domain::schema::Written;
use clipper_projections::Log;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use super::dialect::Standing;
use super::{Db, StorageError};
use crate::clock::Clock;

/// Events that are appended to one stream together or not at all.
#[derive(Clone, Debug, PartialEq)]
pub struct Append {
    /// The stream.
    pub stream: String,
    /// What the stream must look like.
    pub expected: Expected,
    /// The events; at least one.
    pub events: Vec<Written<String>>,
    /// Who and where, as JSON.
    pub metadata: String,
    /// The command's identity. What is sent again is recognised: by this alone where no version is expected, else together
    /// with the version that it expected.
    pub command_id: String,
}

impl Append {
    fn count(&self) -> i64 {
        i64::try_from(self.events.len()).unwrap_or(i64::MAX)
    }

    /// Roughly what it occupies while it waits.
    fn bytes(&self) -> usize {
        let payloads: usize = self.events.iter().map(|event| event.payload.len()).sum();
        payloads + self.metadata.len() + OVERHEAD * self.events.len()
    }
}

/// What a stream must look like for an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Its last event has this version; 0 means that the stream is new.
    Version(i64),
    /// It does not matter; the position of each event is its version too.
    Any,
}

impl Expected {
    /// The version that is expected, if one is.
    pub(super) fn version(self) -> Option<i64> {
        match self {
            Self::Version(version) => Some(version),
            Self::Any => None,
        }
    }
}

/// Where the events of an append came to lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The position of the last of them.
    pub position: i64,
    /// The version of the last of them.
    pub version: i64,
    /// Whether the command had been appended before.
    pub repeated: bool,
}

/// Why an append was not made.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The stream has grown meanwhile.
    #[error("the stream `{stream}` has grown meanwhile")]
    Conflict {
        /// The stream.
        stream: String,
    },
    /// More is waiting than can be written soon.
    #[error("the log is busy")]
    Overloaded,
    /// The writer has stopped.
    #[error("the log is closed")]
    Closed,
    /// The database failed. It is not known whether the events were written; repeating the command tells.
    #[error(transparent)]
    Storage(#[from] Arc<StorageError>),
}

struct Pending {
    append: Append,
    reply: oneshot::Sender<Verdict>,
    since: Instant,
    /// Its share of the queue's bytes, given back when it is answered.
    _bytes: OwnedSemaphorePermit,
}

type Verdict = Result<Appended, AppendError>;

/// Appends to one log. Clones share the queue.
#[derive(Clone)]
pub struct LogWriter {
    queue: mpsc::Sender<Pending>,
    bytes: Arc<Semaphore>,
    head: watch::Receiver<i64>,
}

/// Appends that may wait, by number and by bytes. What is beyond is refused: memory stays bounded.
const QUEUE: usize = 4_096;
const QUEUE_BYTES: usize = 64 << 20;
/// Appends that share a commit.
const BATCH: usize = 1_000;
/// Bytes of an event beside its payload.
const OVERHEAD: usize = 256;
const TRIES: u32 = 4;

impl LogWriter {
    /// A writer and the loop that must be run for it. The loop ends when every clone of the writer is gone.
    pub fn new(db: Db, log: Log, clock: Arc<dyn Clock>) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (queue, requests) = mpsc::channel(QUEUE);
        let head = watch::Sender::new(0);
        let writer = Self {
            queue,
            bytes: Arc::new(Semaphore::new(QUEUE_BYTES)),
            head: head.subscribe(),
        };
        let batcher = Batcher { db, log, clock, head };
        (writer, batcher.run(requests))
    }

    /// Appends and waits for the commit.
    pub async fn append(&self, append: Append) -> Verdict {
        let size = u32::try_from(append.bytes()).unwrap_or(u32::MAX);
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(size);
        let (reply, answer) = oneshot::channel();
        let pending = Pending {
            append,
            reply,
            since: Instant::now(),
            _bytes: bytes.map_err(|_full| AppendError::Overloaded)?,
        };
        self.queue.try_send(pending).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => AppendError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => AppendError::Closed,
        })?;
        answer.await.unwrap_or(Err(AppendError::Closed))
    }

    /// The position of the latest event that this process appended; changes when it appends.
    pub fn head(&self) -> watch::Receiver<i64> {
        self.head.clone()
    }
}

struct Batcher {
    db: Db,
    log: Log,
    clock: Arc<dyn Clock>,
    head: watch::Sender<i64>,
}

impl Batcher {
    async fn run(self, mut requests: mpsc::Receiver<Pending>) {
        let mut batch = Vec::with_capacity(BATCH);
        // A lone append is taken at once; what arrives during its commit shares the next one.
        while requests.recv_many(&mut batch, BATCH).await > 0 {
            let started = Instant::now();
            self.measure_wait(&batch, started);
            self.write(std::mem::take(&mut batch)).await;
            metrics::histogram!("clipper_append_duration_seconds", "log" => self.log.name())
                .record(started.elapsed().as_secs_f64());
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a batch holds at most a thousand appends"
    )]
    fn measure_wait(&self, batch: &[Pending], started: Instant) {
        let log = self.log.name();
        metrics::histogram!("clipper_append_batch_size", "log" => log).record(batch.len() as f64);
        // The first has waited longest.
        if let Some(first) = batch.first() {
            metrics::histogram!("clipper_append_queue_seconds", "log" => log)
                .record(started.duration_since(first.since).as_secs_f64());
        }
    }

    async fn write(&self, batch: Vec<Pending>) {
        let mut patience = Patience::default();
        loop {
            match self.write_at_once(&batch).await {
                Ok(appended) => return answer(batch, appended),
                Err(StorageError::UniqueViolation(_) | StorageError::SentBefore) => {
                    return self.write_sifted(batch).await;
                }
                // What the database does not take is found by writing one by one.
                Err(StorageError::Refused(_)) if batch.len() > 1 => {
                    for pending in batch {
                        Box::pin(self.write(vec![pending])).await;
                    }
                    return;
                }
                Err(error) => {
                    if let Err(error) = patience.bear(error).await {
                        return answer_failure(batch, error);
                    }
                }
            }
        }
    }

    /// Writes a batch as if nothing stood against it; the unique indexes say when something does.
    async fn write_at_once(&self, batch: &[Pending]) -> Result<Vec<Appended>, StorageError> {
        let appends: Vec<_> = batch.iter().map(|pending| &pending.append).collect();
        let last = self.db.append_batch(self.log, &appends, self.clock.now()).await?;
        Ok(self.committed(&appends, last))
    }

    /// Something in the batch is a repetition or comes too late: it is found out which, and the others are written.
    async fn write_sifted(&self, batch: Vec<Pending>) {
        metrics::counter!("clipper_append_sifted_total", "log" => self.log.name()).increment(1);
        let (mut rest, mut patience) = (batch, Patience::default());
        while !rest.is_empty() {
            let verdicts = match self.write_what_stands(&rest).await {
                Ok(verdicts) => verdicts,
                Err(StorageError::Refused(_)) if rest.len() > 1 => {
                    for pending in rest {
                        Box::pin(self.write(vec![pending])).await;
                    }
                    return;
                }
                Err(error) => match patience.bear(error).await {
                    Ok(()) => continue,
                    Err(error) => return answer_failure(rest, error),
                },
            };
            let mut undecided = vec![];
            for (pending, verdict) in rest.into_iter().zip(verdicts) {
                match verdict {
                    Some(verdict) => deliver(pending.reply, verdict),
                    None => undecided.push(pending),
                }
            }
            rest = undecided;
        }
    }

    /// Writes what nothing stands against. Nobody else appends meanwhile, so that what is read holds until the commit.
    /// A command that is in the batch twice is not decided the second time: its first place is not known yet.
    async fn write_what_stands(&self, batch: &[Pending]) -> Result<Vec<Option<Verdict>>, StorageError> {
        let appends: Vec<_> = batch.iter().map(|pending| &pending.append).collect();
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        tx.lock_log(self.log).await?;
        let standings = tx.standings(self.log, &appends, now).await?;
        let mut verdicts = sift(&appends, &standings);
        let standing: Vec<_> = appends
            .iter()
            .zip(&verdicts)
            .filter_map(|(append, sifted)| matches!(sifted, Sifted::Stands).then_some(*append))
            .collect();
        let mut written = vec![];
        if standing.is_empty() {
            tx.rollback().await?;
        } else {
            let last = tx.append_batch(self.log, &standing, now).await?;
            tx.commit().await?;
            written = self.committed(&standing, last);
        }
        let mut written = written.into_iter();
        Ok(verdicts
            .drain(..)
            .map(|sifted| match sifted {
                Sifted::Stands => written.next().map(Ok),
                Sifted::Decided(verdict) => Some(verdict),
                Sifted::Later => None,
            })
            .collect())
    }

    /// Where a committed batch came to lie; followers in this process are told.
    fn committed(&self, appends: &[&Append], last: i64) -> Vec<Appended> {
        let count: i64 = appends.iter().map(|append| append.count()).sum();
        metrics::counter!("clipper_events_appended_total", "log" => self.log.name())
            .increment(u64::try_from(count).unwrap_or_default());
        self.head.send_replace(last);
        let mut position = last - count;
        let place = |append: &&Append| {
            position += append.count();
            Appended {
                position,
                version: append
                    .expected
                    .version()
                    .map_or(position, |after| after + append.count()),
                repeated: false,
            }
        };
        appends.iter().map(place).collect()
    }
}

/// Tries again what may succeed when tried again. After a commit whose outcome is not known the events may be there;
/// the repeated commands are then recognised as such.
#[derive(Default)]
struct Patience {
    tried: u32,
}

impl Patience {
    /// Waits a moment, or gives the error back when it is of no use to try again.
    async fn bear(&mut self, error: StorageError) -> Result<(), StorageError> {
        self.tried += 1;
        let passing = matches!(
            error,
            StorageError::Busy(_) | StorageError::Database(sqlx::Error::Io(_))
        );
        if !passing || self.tried >= TRIES {
            return Err(error);
        }
        tokio::time::sleep(Duration::from_millis(20 << self.tried)).await;
        Ok(())
    }
}

enum Sifted {
    /// Nothing stands against it.
    Stands,
    Decided(Verdict),
    Later,
}

fn sift(appends: &[&Append], standings: &[Standing]) -> Vec<Sifted> {
    let mut versions = HashMap::<&str, i64>::new();
    let mut commands = HashSet::new();
    let mut sifted = Vec::with_capacity(appends.len());
    for (append, standing) in appends.iter().zip(standings) {
        if let (Some(position), Some(version)) = (standing.earlier_position, standing.earlier_version) {
            sifted.push(Sifted::Decided(Ok(Appended {
                position,
                version,
                repeated: true,
            })));
            continue;
        }
        if commands.contains(&(&append.stream, &append.command_id)) {
            sifted.push(Sifted::Later);
            continue;
        }
        let version = *versions.get(append.stream.as_str()).unwrap_or(&standing.version);
        if append
            .expected
            .version()
            .is_some_and(|expected| expected != version)
        {
            sifted.push(Sifted::Decided(Err(AppendError::Conflict {
                stream: append.stream.clone(),
            })));
            continue;
        }
        versions.insert(&append.stream, version + append.count());
        commands.insert((&append.stream, &append.command_id));
        sifted.push(Sifted::Stands);
    }
    sifted
}

fn answer(batch: Vec<Pending>, appended: Vec<Appended>) {
    for (pending, appended) in batch.into_iter().zip(appended) {
        deliver(pending.reply, Ok(appended));
    }
}

fn answer_failure(batch: Vec<Pending>, error: StorageError) {
    tracing::error!(
        error = &error as &dyn std::error::Error,
        appends = batch.len(),
        "append failed"
    );
    let error = Arc::new(error);
    for pending in batch {
        deliver(pending.reply, Err(AppendError::Storage(Arc::clone(&error))));
    }
}

/// A caller that has gone away needs no answer; its events stand.
fn deliver(reply: oneshot::Sender<Verdict>, verdict: Verdict) {
    drop(reply.send(verdict));
}
