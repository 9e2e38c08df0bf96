//! Logs as files: newline-delimited JSON that ends with its own hash, written from any store and read into an empty one.
//!
//! Positions, versions and times are kept, so that checkpoints, links and tokens that name them stay true, also when a
//! store moves from SQLite to PostgreSQL.

use std::io::{self, BufRead, Write};

use chrono::{DateTime, Utc};
use clipper_projections::{Log, Query, Statement};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Db, Extent, Logs, StorageError, people};

const FORMAT: &str = "clipper-events";
const FORMAT_VERSION: u32 = 1;
const PAGE: i64 = 2_000;

/// Why a file could not be written or read in.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file cannot be read or written.
    #[error("the file cannot be read or written")]
    File(#[from] io::Error),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A line is not what it should be.
    #[error("line {line} is not what it should be")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What the reader says.
        #[source]
        source: serde_json::Error,
    },
    /// The file is not one of ours, or of a newer program.
    #[error(
        "this is no file of events that this program reads (its first line should name the format `{FORMAT}`)"
    )]
    Format,
    /// The file is not whole: it has no last line with a hash.
    #[error("the file ends too early; nothing was imported")]
    Truncated,
    /// The hash at its end is another.
    #[error(
        "the file was changed: its hash is {found}, and its last line says {expected}; nothing was imported"
    )]
    Changed {
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The log lost its oldest events while it was written.
    #[error("retention took events while they were written to the file; please begin again")]
    Shortened,
    /// The store has events already.
    #[error("the store has events already; import into an empty one")]
    NotEmpty,
}

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    format: String,
    format_version: u32,
}

/// An event in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ArchivedEvent {
    pub(super) log: Log,
    pub(super) position: i64,
    pub(super) stream_id: String,
    pub(super) version: i64,
    pub(super) event_type: String,
    pub(super) schema_version: i64,
    pub(super) payload: Value,
    pub(super) metadata: Value,
    pub(super) recorded_at: DateTime<Utc>,
    pub(super) command_id: Option<String>,
    pub(super) command_index: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Person {
    #[serde(rename = "person")]
    pseudonym: String,
    user_id: Option<String>,
    created_at: DateTime<Utc>,
    erased_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Foot {
    sha256: String,
    events: u64,
    clip: Extent,
    playback: Extent,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Event(Box<ArchivedEvent>),
    Person(Person),
    Foot(Foot),
}

/// Whether the file says who is who.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// It carries pseudonyms only.
    LeftOut,
    /// It carries the table that ties pseudonyms to users too, as a move to another store needs it.
    Included,
}

#[derive(sqlx::FromRow)]
struct EventRow {
    position: i64,
    stream_id: String,
    version: i64,
    event_type: String,
    schema_version: i64,
    payload: String,
    metadata: String,
    recorded_at: DateTime<Utc>,
    command_id: Option<String>,
    command_index: i64,
}

/// A writer that hashes what passes.
struct Hashing<W> {
    to: W,
    hash: Sha256,
}

impl<W: Write> Hashing<W> {
    fn line(&mut self, value: &impl Serialize) -> Result<(), ArchiveError> {
        let mut line = serde_json::to_vec(value).map_err(StorageError::Encode)?;
        line.push(b'\n');
        self.hash.update(&line);
        Ok(self.to.write_all(&line)?)
    }
}

/// Writes both logs as they are now, and tells how many events that were.
pub async fn export(
    logs: &Logs,
    to: impl Write,
    names: Names,
    progress: impl Fn(u64),
) -> Result<u64, ArchiveError> {
    let mut out = Hashing {
        to,
        hash: Sha256::new(),
    };
    out.line(&Head {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
    })?;
    if names == Names::Included {
        for row in people::list(logs.db()).await? {
            out.line(&Person {
                pseudonym: row.id,
                user_id: row.user_id,
                created_at: row.created_at,
                erased_at: row.erased_at,
            })?;
        }
    }
    let mut events = 0;
    let mut extents = vec![];
    for log in Log::ALL {
        let extent = logs.extent(log).await?;
        events += export_log(logs, log, extent, &mut out, |so_far| progress(events + so_far)).await?;
        extents.push(extent);
    }
    let foot = Foot {
        sha256: hex::encode(out.hash.clone().finalize()),
        events,
        clip: extents.first().copied().unwrap_or_default(),
        playback: extents.get(1).copied().unwrap_or_default(),
    };
    out.line(&foot)?;
    out.to.flush()?;
    Ok(events)
}

async fn export_log(
    logs: &Logs,
    log: Log,
    extent: Extent,
    out: &mut Hashing<impl Write>,
    progress: impl Fn(u64),
) -> Result<u64, ArchiveError> {
    let (mut position, mut events) = (extent.tail, 0);
    while position < extent.head {
        let page = page(logs.db(), log, position, PAGE.min(extent.head - position)).await?;
        if page.is_empty() {
            return Err(ArchiveError::Shortened);
        }
        for row in page {
            if row.position != position + 1 {
                return Err(ArchiveError::Shortened);
            }
            position = row.position;
            out.line(&archived(log, row).map_err(StorageError::Encode)?)?;
            events += 1;
        }
        progress(events);
    }
    Ok(events)
}

async fn page(db: &Db, log: Log, after: i64, limit: i64) -> Result<Vec<EventRow>, StorageError> {
    let sql = match log {
        Log::Clip => {
            "SELECT position, stream_id, version, event_type, schema_version, CAST(payload AS TEXT) AS payload, \
             CAST(metadata AS TEXT) AS metadata, recorded_at, command_id, command_index FROM clip_events \
             WHERE position > $1 ORDER BY position LIMIT $2"
        }
        Log::Playback => {
            "SELECT position, stream_id, version, event_type, schema_version, CAST(payload AS TEXT) AS payload, \
             CAST(metadata AS TEXT) AS metadata, recorded_at, command_id, command_index FROM playback_events \
             WHERE position > $1 ORDER BY position LIMIT $2"
        }
    };
    db.all(Query::new(sql, vec![after.into(), limit.into()])).await
}

fn archived(log: Log, row: EventRow) -> Result<ArchivedEvent, serde_json::Error> {
    Ok(ArchivedEvent {
        log,
        position: row.position,
        stream_id: row.stream_id,
        version: row.version,
        event_type: row.event_type,
        schema_version: row.schema_version,
        payload: serde_json::from_str(&row.payload)?,
        metadata: serde_json::from_str(&row.metadata)?,
        recorded_at: row.recorded_at,
        command_id: row.command_id,
        command_index: row.command_index,
    })
}

/// Reads a file through, and tells how many events it holds: nothing is missing in it and nothing was changed.
pub fn check(from: impl BufRead) -> Result<u64, ArchiveError> {
    let mut hash = Sha256::new();
    let mut last: Option<(u64, Vec<u8>)> = None;
    for (line, text) in (1..).zip(lines(from)) {
        let text = text?;
        if line == 1 {
            check_head(&text)?;
        }
        if let Some((_, before)) = last.replace((line, text)) {
            hash.update(&before);
        }
    }
    let Some((line, text)) = last else {
        return Err(ArchiveError::Format);
    };
    let Ok(Line::Foot(foot)) = parse(line, &text) else {
        return Err(ArchiveError::Truncated);
    };
    let found = hex::encode(hash.finalize());
    if found == foot.sha256 {
        Ok(foot.events)
    } else {
        Err(ArchiveError::Changed {
            expected: foot.sha256,
            found,
        })
    }
}

fn check_head(text: &[u8]) -> Result<(), ArchiveError> {
    match serde_json::from_slice::<Head>(text) {
        Ok(head) if head.format == FORMAT && head.format_version == FORMAT_VERSION => Ok(()),
        Ok(_) | Err(_) => Err(ArchiveError::Format),
    }
}

/// Lines with their ends, as they were hashed.
fn lines(mut from: impl BufRead) -> impl Iterator<Item = io::Result<Vec<u8>>> {
    std::iter::from_fn(move || {
        let mut line = vec![];
        match from.read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(_) => Some(Ok(line)),
            Err(error) => Some(Err(error)),
        }
    })
}

fn parse(line: u64, text: &[u8]) -> Result<Line, ArchiveError> {
    serde_json::from_slice(text).map_err(|source| ArchiveError::Line { line, source })
}

/// Reads a file that was checked into an empty store, in one transaction.
pub async fn import(db: &Db, from: impl BufRead, progress: impl Fn(u64)) -> Result<u64, ArchiveError> {
    let logs = Logs::new(db.clone());
    let mut tx = db.begin().await?;
    for log in Log::ALL {
        tx.lock_log(log).await?;
        if logs.head(log).await? > 0 {
            return Err(ArchiveError::NotEmpty);
        }
    }
    let (mut events, mut batch) = (0, vec![]);
    for (line, text) in (1..).zip(lines(from)).skip(1) {
        match parse(line, &text?)? {
            Line::Event(event) => {
                events += 1;
                batch.push(*event);
            }
            Line::Person(person) => {
                tx.execute(&add_person(&person)).await?;
            }
            Line::Foot(foot) => {
                tx.insert_archived(&std::mem::take(&mut batch)).await?;
                for (log, extent) in [(Log::Clip, foot.clip), (Log::Playback, foot.playback)] {
                    tx.execute(&set_extent(log, extent)).await?;
                }
            }
        }
        if batch.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX) {
            tx.insert_archived(&std::mem::take(&mut batch)).await?;
            progress(events);
        }
    }
    tx.commit().await?;
    Ok(events)
}

fn add_person(person: &Person) -> Statement {
    Statement::new(
        "INSERT INTO people (id, user_id, created_at, erased_at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING",
        vec![
            person.pseudonym.as_str().into(),
            person.user_id.clone().into(),
            person.created_at.into(),
            person.erased_at.into(),
        ],
    )
}

fn set_extent(log: Log, extent: Extent) -> Statement {
    Statement::new(
        "UPDATE log_head SET position = $2, tail = $3 WHERE log = $1",
        vec![log.name().into(), extent.head.into(), extent.tail.into()],
    )
}
