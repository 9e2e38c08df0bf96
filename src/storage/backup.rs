//! Copies of an embedded store, made while it runs.
//!
//! A backup is a folder: the database as one file, and a page that says what it holds. It is one state of the store,
//! and writers go on meanwhile.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clipper_projections::Log;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

use super::{Db, Logs, StorageError};

const DATABASE: &str = "clipper.db";
const MANIFEST: &str = "backup.json";

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the program that made it.
    pub clipper: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Size of the database in bytes.
    pub bytes: u64,
    /// SHA-256 of the database.
    pub sha256: String,
    /// The position of the last event of the clip log.
    pub clip_head: i64,
    /// The position of the last event of the playback log.
    pub playback_head: i64,
}

/// Why a backup was not made or not brought back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file cannot be read or written.
    #[error("`{}` cannot be read or written", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The database is a server's.
    #[error("this copies an embedded store (SQLite); for PostgreSQL use pg_dump, see docs/operations.md")]
    Server,
    /// Something is there already.
    #[error("`{}` exists already", .0.display())]
    Exists(PathBuf),
    /// The page about the backup is not what it should be.
    #[error("`{}` is no page of a backup", path.display())]
    Manifest {
        /// Which.
        path: PathBuf,
        /// What the reader says.
        #[source]
        source: serde_json::Error,
    },
    /// The copy is not what was written.
    #[error("the backup was changed or is not whole: the hash of `{}` is another", .0.display())]
    Changed(PathBuf),
    /// Somebody uses the store.
    #[error("the store `{}` is in use; stop Clipper first", .0.display())]
    InUse(PathBuf),
}

fn file(path: &Path) -> impl FnOnce(std::io::Error) -> BackupError {
    let path = path.to_owned();
    |source| BackupError::File { path, source }
}

/// Copies the store into a new folder.
pub async fn make(db: &Db, folder: &Path, now: DateTime<Utc>) -> Result<Manifest, BackupError> {
    if tokio::fs::try_exists(folder).await.map_err(file(folder))? {
        return Err(BackupError::Exists(folder.to_owned()));
    }
    if db.server().is_some() {
        return Err(BackupError::Server);
    }
    // Under another name until it is whole: a backup that broke off is never taken for one.
    let unfinished = folder.with_extension("unfinished");
    tokio::fs::create_dir_all(&unfinished)
        .await
        .map_err(file(&unfinished))?;
    let copy = unfinished.join(DATABASE);
    if tokio::fs::try_exists(&copy).await.map_err(file(&copy))? {
        tokio::fs::remove_file(&copy).await.map_err(file(&copy))?;
    }
    db.copy_into(&copy).await?;
    let manifest = describe(&copy, now).await?;
    let text = serde_json::to_vec_pretty(&manifest).map_err(StorageError::Encode)?;
    let page = unfinished.join(MANIFEST);
    tokio::fs::write(&page, text).await.map_err(file(&page))?;
    sync(&page).await?;
    sync(&copy).await?;
    tokio::fs::rename(&unfinished, folder)
        .await
        .map_err(file(folder))?;
    Ok(manifest)
}

/// The copy speaks for itself: what it holds is read out of it, not out of the store that has gone on meanwhile.
async fn describe(copy: &Path, now: DateTime<Utc>) -> Result<Manifest, BackupError> {
    let (bytes, sha256) = hash(copy).await?;
    let copied = Db::connect_reading(copy).await?;
    let logs = Logs::new(copied.clone());
    let (clip_head, playback_head) = (logs.head(Log::Clip).await?, logs.head(Log::Playback).await?);
    copied.close().await;
    Ok(Manifest {
        clipper: env!("CARGO_PKG_VERSION").to_owned(),
        created_at: now,
        bytes,
        sha256,
        clip_head,
        playback_head,
    })
}

/// What is to become of a store that is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InTheWay {
    /// It is kept, and nothing is done.
    Keep,
    /// It is set aside under another name.
    SetAside,
}

/// Puts a backup in the place of a store, and tells what it holds and where the store went that was there.
pub async fn restore(
    folder: &Path,
    database: &Path,
    in_the_way: InTheWay,
    now: DateTime<Utc>,
) -> Result<(Manifest, Option<PathBuf>), BackupError> {
    let page = folder.join(MANIFEST);
    let text = tokio::fs::read(&page).await.map_err(file(&page))?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|source| BackupError::Manifest { path: page, source })?;
    let copy = folder.join(DATABASE);
    let (_, sha256) = hash(&copy).await?;
    if sha256 != manifest.sha256 {
        return Err(BackupError::Changed(copy));
    }
    if in_the_way == InTheWay::Keep
        && let Some(there) = what_is_there(database).await?
    {
        return Err(BackupError::Exists(there));
    }
    if let Some(parent) = database.parent() {
        tokio::fs::create_dir_all(parent).await.map_err(file(parent))?;
    }
    // Copied beside first: whatever breaks off, there is one whole store.
    let arriving = database.with_extension("restoring");
    tokio::fs::copy(&copy, &arriving).await.map_err(file(&arriving))?;
    sync(&arriving).await?;
    let moved = make_room(database, now).await?;
    tokio::fs::rename(&arriving, database)
        .await
        .map_err(file(database))?;
    Ok((manifest, moved))
}

/// The files of a store: SQLite takes a journal that lies beside a database for its own, whosever it is.
fn files_of(database: &Path) -> [PathBuf; 4] {
    ["", "-wal", "-shm", "-journal"].map(|suffix| {
        let mut name = database.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    })
}

async fn what_is_there(database: &Path) -> Result<Option<PathBuf>, BackupError> {
    for path in files_of(database) {
        if tokio::fs::try_exists(&path).await.map_err(file(&path))? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Sets a store aside that is there, and tells where its database went.
async fn make_room(database: &Path, now: DateTime<Utc>) -> Result<Option<PathBuf>, BackupError> {
    let mut moved = None;
    if tokio::fs::try_exists(database).await.map_err(file(database))? {
        // Leaving WAL mode takes a store that nobody else has open. One that is damaged is set aside as it is.
        if let Err(StorageError::Busy(_)) = Db::fold_in_journal(database).await {
            return Err(BackupError::InUse(database.to_owned()));
        }
    }
    let aside = database.with_extension(format!("before-{}.db", now.format("%Y%m%dT%H%M%SZ")));
    for (from, to) in files_of(database).iter().zip(files_of(&aside)) {
        if tokio::fs::try_exists(from).await.map_err(file(from))? {
            tokio::fs::rename(from, &to).await.map_err(file(&to))?;
            moved.get_or_insert(to);
        }
    }
    Ok(moved)
}

async fn hash(path: &Path) -> Result<(u64, String), BackupError> {
    let mut source = tokio::fs::File::open(path).await.map_err(file(path))?;
    let (mut hash, mut bytes, mut part) = (Sha256::new(), 0, vec![0; 1 << 20]);
    while let count @ 1.. = source.read(&mut part).await.map_err(file(path))? {
        hash.update(part.get(..count).unwrap_or_default());
        bytes += count as u64;
    }
    Ok((bytes, hex::encode(hash.finalize())))
}

async fn sync(path: &Path) -> Result<(), BackupError> {
    let written = tokio::fs::File::open(path).await.map_err(file(path))?;
    written.sync_all().await.map_err(file(path))
}
