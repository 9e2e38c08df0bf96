//! Looking whether a log is what it promises to be: dense, ordered, and readable to the last event.

use std::collections::HashMap;

use clipper_domain::clip::ClipEvent;
use clipper_domain::report::PlaybackEvent;
use clipper_domain::{ClipId, SessionId};
use clipper_projections::{Log, Query, RawEvent, Stream};

use futures_util::TryStreamExt;

use super::error::chain;
use super::{Logs, StorageError};

/// Something that should not be.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// In which log.
    pub log: &'static str,
    /// The event, when it is about one.
    pub position: Option<i64>,
    /// What is wrong.
    pub problem: String,
}

/// What a look over a log came to.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Audit {
    /// The log.
    pub log: &'static str,
    /// Events that were read.
    pub events: i64,
    /// Events by type and version of their shape.
    pub types: Vec<(String, i64, i64)>,
    /// What is wrong; at most [`FINDINGS`] are kept.
    pub findings: Vec<Finding>,
}

/// Findings that are kept of one log.
pub const FINDINGS: usize = 20;
/// Events between two words about progress.
const PROGRESS: i64 = 5_000;

#[derive(sqlx::FromRow)]
struct StreamRow {
    stream_id: String,
}

/// Reads a whole log. Tells how far it has come now and then.
pub async fn audit(logs: &Logs, log: Log, progress: impl Fn(i64, i64)) -> Result<Audit, StorageError> {
    let mut ledger = Ledger::new(log);
    let extent = logs.extent(log).await?;
    let mut position = extent.tail;
    let mut events = logs.events(log, extent.tail, extent.head)?;
    while let Some(event) = events.try_next().await? {
        ledger.read(&event, position);
        position = event.position;
        if position % PROGRESS == 0 {
            progress(position, extent.head);
        }
    }
    if position < extent.head {
        ledger.find(
            None,
            format!("the head is {}, and the last event is {position}", extent.head),
        );
    }
    if log == Log::Clip {
        for stream in streams_with_gaps(logs).await? {
            ledger.find(
                None,
                format!("the versions of `{stream}` do not count its events"),
            );
        }
    }
    Ok(ledger.close())
}

async fn streams_with_gaps(logs: &Logs) -> Result<Vec<String>, StorageError> {
    let query = Query::<StreamRow>::new(
        "SELECT stream_id FROM clip_events GROUP BY stream_id \
         HAVING MIN(version) <> 1 OR MAX(version) <> COUNT(*) ORDER BY stream_id LIMIT 20",
        vec![],
    );
    Ok(logs
        .db()
        .all(query)
        .await?
        .into_iter()
        .map(|row| row.stream_id)
        .collect())
}

struct Ledger {
    log: Log,
    events: i64,
    types: HashMap<(String, i64), i64>,
    findings: Vec<Finding>,
}

impl Ledger {
    fn new(log: Log) -> Self {
        Self {
            log,
            events: 0,
            types: HashMap::new(),
            findings: vec![],
        }
    }

    fn find(&mut self, position: Option<i64>, problem: String) {
        if self.findings.len() < FINDINGS {
            self.findings.push(Finding {
                log: self.log.name(),
                position,
                problem,
            });
        }
    }

    fn read(&mut self, event: &RawEvent, before: i64) {
        self.events += 1;
        let kind = (event.event_type.clone(), event.schema_version);
        *self.types.entry(kind).or_default() += 1;
        if event.position != before + 1 {
            self.find(Some(event.position), format!("the event before it is {before}"));
        }
        if let Err(problem) = self.understand(event) {
            self.find(Some(event.position), problem);
        }
    }

    /// Reads an event through its upcasters, as projections and aggregates do.
    fn understand(&self, event: &RawEvent) -> Result<(), String> {
        match self.log {
            Log::Clip => {
                ClipId::parse(&event.stream_id).map_err(|error| error.to_string())?;
                event.read::<ClipEvent>().map_err(|error| chain(&error))?;
            }
            Log::Playback => {
                SessionId::parse(&event.stream_id).map_err(|error| error.to_string())?;
                event.read::<PlaybackEvent>().map_err(|error| chain(&error))?;
            }
        }
        Ok(())
    }

    fn close(self) -> Audit {
        let mut types: Vec<_> = self
            .types
            .into_iter()
            .map(|((name, version), count)| (name, version, count))
            .collect();
        types.sort();
        Audit {
            log: self.log.name(),
            events: self.events,
            types,
            findings: self.findings,
        }
    }
}
