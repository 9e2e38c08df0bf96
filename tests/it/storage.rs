//! The storage suite: plain functions over a database, called for each backend.

mod archive;
mod backup;
mod gc;
mod histories;
mod idempotency;
mod leases;
mod log;
mod order;
mod parked;
mod people;
mod projections;
mod rebuilds;
mod retention;
mod rollups;
mod upgrade;

use std::sync::Arc;

pub(crate) use projections::whole_story;

use clipper::clock::ManualClock;
use clipper::shutdown::Shutdown;
use clipper::storage::rebuild::Bench;
use clipper::storage::{Append, Db, Expected, Log, LogWriter, Logs};
use clipper_domain::schema::Written;

use crate::support::database::{Backend, TestDatabase};

/// A database with its writers.
pub(crate) struct Stage {
    pub(crate) db: Db,
    pub(crate) logs: Logs,
    pub(crate) clips: LogWriter,
    pub(crate) playback: LogWriter,
    pub(crate) clock: Arc<ManualClock>,
    tasks: Shutdown,
    database: TestDatabase,
}

impl Stage {
    pub(crate) async fn set(backend: Backend) -> Self {
        let database = TestDatabase::create(backend).await;
        let db = database.open().await;
        let clock = Arc::new(ManualClock::new(
            chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        ));
        let tasks = Shutdown::new();
        let (clips, writing) = LogWriter::new(db.clone(), Log::Clip, clock.clone());
        tasks.spawn("clip log", writing);
        let (playback, writing) = LogWriter::new(db.clone(), Log::Playback, clock.clone());
        tasks.spawn("playback log", writing);
        Self {
            logs: Logs::new(db.clone()),
            db,
            clips,
            playback,
            clock,
            tasks,
            database,
        }
    }

    /// What rebuilds are done with.
    pub(crate) fn bench(&self) -> Bench<'_> {
        Bench {
            db: &self.db,
            logs: &self.logs,
            clock: &*self.clock,
            holder: "the test",
        }
    }

    /// Another writer on the same log, as another node has it.
    pub(crate) fn another_writer(&self) -> LogWriter {
        let (writer, writing) = LogWriter::new(self.db.clone(), Log::Clip, self.clock.clone());
        self.tasks.spawn("another clip log", writing);
        writer
    }

    pub(crate) async fn strike(self) {
        self.tasks.abandon().await;
        self.db.close().await;
        self.database.drop().await;
    }
}

/// An append of events with these numbers as payload.
pub(crate) fn append(stream: &str, expected: Expected, numbers: &[u32], command_id: &str) -> Append {
    let event = |number: &u32| Written {
        event_type: "Counted".to_owned(),
        schema_version: 1,
        payload: format!(r#"{{"number":{number}}}"#),
    };
    Append {
        stream: stream.to_owned(),
        expected,
        events: numbers.iter().map(event).collect(),
        metadata: "{}".to_owned(),
        command_id: command_id.to_owned(),
    }
}

/// Runs each test of a suite on each database: `async fn name(stage: &Stage)`.
macro_rules! suite {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let stage = crate::storage::Stage::set(crate::support::database::Backend::Sqlite).await;
                super::$name(&stage).await;
                stage.strike().await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let stage = crate::storage::Stage::set(crate::support::database::Backend::Postgres).await;
                super::$name(&stage).await;
                stage.strike().await;
            })*
        }
    };
}
pub(crate) use suite;
