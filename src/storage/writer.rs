//! The group-commit writer: appends that arrive together share one transaction and one fsync.
//!
//! Promises: an append is answered after its commit; each has its own verdict, so that a conflict costs only its own
//! request; a full queue refuses at once instead of growing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clipper_projections::Query;
use tokio::sync::{mpsc, oneshot, watch};

use super::log::head_channel;
use super::{Db, Log, StorageError};
use crate::clock::Clock;

/// An event to be appended.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// Its type.
    pub event_type: String,
    /// The version of its shape.
    pub schema_version: i64,
    /// What happened, as JSON.
    pub payload: String,
}

/// Events that are appended to one stream together or not at all.
#[derive(Clone, Debug, PartialEq)]
pub struct Append {
    /// The stream.
    pub stream: String,
    /// What the stream must look like.
    pub expected: Expected,
    /// The events; at least one.
    pub events: Vec<NewEvent>,
    /// Who and where, as JSON.
    pub metadata: String,
    /// The command's identity: the same one is never appended twice to a stream.
    pub command_id: String,
}

impl Append {
    fn count(&self) -> i64 {
        i64::try_from(self.events.len()).unwrap_or(i64::MAX)
    }
}

/// What a stream must look like for an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Its last event has this version; 0 means that the stream is new.
    Version(i64),
    /// It does not matter.
    Any,
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
    reply: oneshot::Sender<Result<Appended, AppendError>>,
}

/// Appends to one log. Clones share the queue.
#[derive(Clone)]
pub struct LogWriter {
    queue: mpsc::Sender<Pending>,
    head: watch::Receiver<i64>,
}

const QUEUE: usize = 4_096;
const BATCH: usize = 1_000;
const TRIES: u32 = 4;

impl LogWriter {
    /// A writer and the loop that must be run for it. The loop ends when every clone of the writer is gone.
    pub fn new(db: Db, log: Log, clock: Arc<dyn Clock>) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (queue, requests) = mpsc::channel(QUEUE);
        let head = head_channel();
        let writer = Self {
            queue,
            head: head.subscribe(),
        };
        let batcher = Batcher { db, log, clock, head };
        (writer, batcher.run(requests))
    }

    /// Appends and waits for the commit.
    pub async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let (reply, answer) = oneshot::channel();
        self.queue
            .try_send(Pending { append, reply })
            .map_err(|refused| match refused {
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
        while requests.recv_many(&mut batch, BATCH).await > 0 {
            let started = Instant::now();
            #[expect(
                clippy::cast_precision_loss,
                reason = "a batch holds at most a thousand appends"
            )]
            metrics::histogram!("clipper_append_batch_size", "log" => self.log.name())
                .record(batch.len() as f64);
            self.write(std::mem::take(&mut batch)).await;
            metrics::histogram!("clipper_append_duration_seconds", "log" => self.log.name())
                .record(started.elapsed().as_secs_f64());
        }
    }

    /// Writes a batch; one that is refused is halved until the offender is alone.
    async fn write(&self, batch: Vec<Pending>) {
        let mut parts = vec![batch];
        while let Some(mut part) = parts.pop() {
            let verdict = self.try_write(&part).await;
            match verdict {
                Ok(appended) => Self::answer(part, appended),
                Err(StorageError::UniqueViolation(_)) if part.len() > 1 => {
                    let second = part.split_off(part.len() / 2);
                    // The first half goes first, so that requests for one stream keep their order.
                    parts.push(second);
                    parts.push(part);
                }
                Err(StorageError::UniqueViolation(_)) => self.answer_offender(part).await,
                Err(error) => Self::answer_failure(part, error),
            }
        }
    }

    async fn try_write(&self, part: &[Pending]) -> Result<Vec<Appended>, StorageError> {
        let mut tried = 1;
        loop {
            match self.write_once(part).await {
                Err(StorageError::Busy(_) | StorageError::Database(sqlx::Error::Io(_))) if tried < TRIES => {
                    // After a lost commit the events may be there; the repeated command is then recognised as such.
                    tokio::time::sleep(Duration::from_millis(20 << tried)).await;
                    tried += 1;
                }
                verdict => return verdict,
            }
        }
    }

    async fn write_once(&self, part: &[Pending]) -> Result<Vec<Appended>, StorageError> {
        let count = part.iter().map(|pending| pending.append.count()).sum();
        let mut tx = self.db.begin().await?;
        let first = tx.take_positions(self.log, count).await?;
        let mut versions = HashMap::<&str, i64>::new();
        let mut batch = Vec::with_capacity(part.len());
        let mut appended = Vec::with_capacity(part.len());
        let mut position = first - 1;
        for Pending { append, .. } in part {
            let after = match (append.expected, versions.get(append.stream.as_str())) {
                (Expected::Version(version), _) => version,
                (Expected::Any, Some(version)) => *version,
                (Expected::Any, None) => tx.stream_version(self.log, &append.stream).await?,
            };
            let count = append.count();
            position += count;
            versions.insert(&append.stream, after + count);
            appended.push(Appended {
                position,
                version: after + count,
                repeated: false,
            });
            batch.push((append, after));
        }
        tx.insert_events(self.log, &batch, first, self.clock.now())
            .await?;
        tx.commit().await?;
        metrics::counter!("clipper_events_appended_total", "log" => self.log.name())
            .increment(u64::try_from(count).unwrap_or_default());
        self.head.send_replace(position);
        Ok(appended)
    }

    fn answer(part: Vec<Pending>, appended: Vec<Appended>) {
        for (pending, appended) in part.into_iter().zip(appended) {
            deliver(pending.reply, Ok(appended));
        }
    }

    /// A request that was refused alone: its command is a repetition, or its stream has grown.
    async fn answer_offender(&self, part: Vec<Pending>) {
        for Pending { append, reply } in part {
            let verdict = match self.earlier(&append).await {
                Ok(Some(appended)) => Ok(appended),
                Ok(None) => Err(AppendError::Conflict {
                    stream: append.stream,
                }),
                Err(error) => Err(AppendError::Storage(Arc::new(error))),
            };
            deliver(reply, verdict);
        }
    }

    async fn earlier(&self, append: &Append) -> Result<Option<Appended>, StorageError> {
        let sql = match self.log {
            Log::Clip => {
                "SELECT position, version FROM clip_events WHERE stream_id = $1 AND command_id = $2 \
                 ORDER BY command_index DESC LIMIT 1"
            }
            Log::Playback => {
                "SELECT position, version FROM playback_events WHERE stream_id = $1 AND command_id = $2 \
                 ORDER BY command_index DESC LIMIT 1"
            }
        };
        let args = vec![append.stream.as_str().into(), append.command_id.as_str().into()];
        let row = self.db.optional(Query::<EarlierRow>::new(sql, args)).await?;
        Ok(row.map(|row| Appended {
            position: row.position,
            version: row.version,
            repeated: true,
        }))
    }

    fn answer_failure(part: Vec<Pending>, error: StorageError) {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            appends = part.len(),
            "append failed"
        );
        let error = Arc::new(error);
        for pending in part {
            deliver(pending.reply, Err(AppendError::Storage(Arc::clone(&error))));
        }
    }
}

#[derive(sqlx::FromRow)]
struct EarlierRow {
    position: i64,
    version: i64,
}

/// A caller that has gone away needs no answer; its events stand.
fn deliver(reply: oneshot::Sender<Result<Appended, AppendError>>, verdict: Result<Appended, AppendError>) {
    drop(reply.send(verdict));
}
