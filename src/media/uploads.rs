//! Resumable uploads: each a folder with the bytes that arrived, how many they are, and what they are for.
//!
//! Promises: what was acknowledged is on disk; an upload has one writer at a time; its file has its full length as soon
//! as that is known, with holes, so that its index can be read before the rest is there.

use std::collections::HashMap;
use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex as StdMutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use clipper_domain::{ClipId, PersonId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::fs::{self, File};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;

use super::incoming::Received;

/// What an upload is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadFacts {
    /// The upload.
    pub id: Uuid,
    /// Whose it is.
    pub owner: PersonId,
    /// The clip whose source it becomes; none for a part of another upload.
    pub clip: Option<ClipId>,
    /// How many bytes will come, once that is known.
    pub length: Option<u64>,
    /// The name of the file.
    pub filename: Option<String>,
    /// When it is forgotten if it is not complete.
    pub expires_at: DateTime<Utc>,
}

/// The uploads under way.
#[derive(Clone, Debug)]
pub struct Uploads {
    root: PathBuf,
    /// Those that this process has seen, so that their hashes need not be counted again. Held for a look-up only.
    open: Arc<StdMutex<HashMap<Uuid, Open>>>,
}

/// An upload under way.
#[derive(Debug)]
pub struct Upload {
    /// What it is for.
    pub facts: UploadFacts,
    folder: PathBuf,
    file: File,
    offset: u64,
    hash: Sha256,
    unsaved: u64,
}

/// A place in an upload to go back to.
#[derive(Clone, Debug)]
pub struct Mark {
    offset: u64,
    hash: Sha256,
}

/// An upload that somebody has asked for.
#[derive(Debug)]
struct Open {
    upload: Arc<Mutex<Upload>>,
    used: Instant,
}

/// How long an upload keeps its file open that nobody asks for.
const IDLE: Duration = Duration::from_mins(10);
/// How long an upload that is not complete is kept.
pub const UPLOAD_KEPT: TimeDelta = TimeDelta::hours(24);
/// How many bytes may arrive before their number is written down.
const SAVED_EVERY: u64 = 8 << 20;
const CHUNK: usize = 1 << 20;

impl Uploads {
    pub(super) fn new(root: PathBuf) -> Self {
        Self {
            root,
            open: Arc::default(),
        }
    }

    /// Begins an upload.
    pub async fn create(&self, facts: UploadFacts) -> io::Result<()> {
        let folder = self.folder(facts.id);
        fs::create_dir(&folder).await?;
        let file = File::create_new(folder.join("data")).await?;
        let upload = Upload {
            facts,
            folder,
            file,
            offset: 0,
            hash: Sha256::new(),
            unsaved: 0,
        };
        upload.describe().await?;
        upload.save().await?;
        self.remember(upload);
        Ok(())
    }

    /// Takes hold of an upload; nothing, when there is none of that name.
    pub async fn take(&self, id: Uuid) -> io::Result<Option<OwnedMutexGuard<Upload>>> {
        if let Some(known) = self.known(id) {
            return Ok(Some(known.lock_owned().await));
        }
        match Upload::resume(self.folder(id)).await {
            Ok(upload) => Ok(Some(self.remember(upload).lock_owned().await)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Forgets an upload with everything that it left.
    pub async fn remove(&self, id: Uuid) -> io::Result<()> {
        if let Ok(mut open) = self.open.lock() {
            open.remove(&id);
        }
        match fs::remove_dir_all(self.folder(id)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Closes the files of uploads that nobody has asked for in a while. Whoever goes on opens them again.
    pub fn close_idle(&self) {
        if let Ok(mut open) = self.open.lock() {
            open.retain(|_, open| Arc::strong_count(&open.upload) > 1 || open.used.elapsed() < IDLE);
        }
    }

    fn folder(&self, id: Uuid) -> PathBuf {
        self.root.join(id.to_string())
    }

    fn known(&self, id: Uuid) -> Option<Arc<Mutex<Upload>>> {
        let mut open = self.open.lock().ok()?;
        let open = open.get_mut(&id)?;
        open.used = Instant::now();
        Some(Arc::clone(&open.upload))
    }

    /// Another request may have been faster: then its hold is the one.
    fn remember(&self, upload: Upload) -> Arc<Mutex<Upload>> {
        let id = upload.facts.id;
        let upload = Arc::new(Mutex::new(upload));
        let fresh = || Open {
            upload: Arc::clone(&upload),
            used: Instant::now(),
        };
        match self.open.lock() {
            Ok(mut open) => Arc::clone(&open.entry(id).or_insert_with(fresh).upload),
            Err(_poisoned) => upload,
        }
    }
}

impl Upload {
    async fn resume(folder: PathBuf) -> io::Result<Self> {
        let facts: UploadFacts = serde_json::from_slice(&fs::read(folder.join("facts.json")).await?)?;
        let offset: u64 = fs::read_to_string(folder.join("offset"))
            .await?
            .trim()
            .parse()
            .map_err(io::Error::other)?;
        let mut file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(folder.join("data"))
            .await?;
        let mut hash = Sha256::new();
        let mut chunk = vec![0; CHUNK];
        let mut left = offset;
        while left > 0 {
            let wanted = usize::try_from(left.min(CHUNK as u64)).unwrap_or(CHUNK);
            let part = chunk.get_mut(..wanted).unwrap_or_default();
            file.read_exact(part).await?;
            hash.update(&*part);
            left -= wanted as u64;
        }
        Ok(Self {
            facts,
            folder,
            file,
            offset,
            hash,
            unsaved: 0,
        })
    }

    /// How many bytes have arrived.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many of them others can read.
    pub fn saved(&self) -> u64 {
        self.offset - self.unsaved
    }

    /// The file, which has holes where nothing has arrived yet.
    pub fn path(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Where work that is done ahead may be left.
    pub fn ahead(&self) -> PathBuf {
        self.folder.join("ahead")
    }

    /// Where it stands, to go back to.
    pub fn mark(&self) -> Mark {
        Mark {
            offset: self.offset,
            hash: self.hash.clone(),
        }
    }

    /// Goes back, as if what came since had not arrived.
    pub async fn go_back(&mut self, mark: Mark) -> io::Result<()> {
        self.file.flush().await?;
        self.offset = mark.offset;
        self.unsaved = 0;
        self.hash = mark.hash;
        self.file.seek(SeekFrom::Start(self.offset)).await?;
        self.save().await
    }

    /// Hears how many bytes will come.
    pub async fn announce(&mut self, length: u64) -> io::Result<()> {
        self.facts.length = Some(length);
        self.describe().await
    }

    /// Whether every byte is there.
    pub fn is_whole(&self) -> bool {
        self.facts.length == Some(self.offset)
    }

    /// Writes the next part; false, when it would be more than was announced, or than `most` where nothing was.
    pub async fn write(&mut self, part: &[u8], most: u64) -> io::Result<bool> {
        let after = self.offset + part.len() as u64;
        if after > self.facts.length.unwrap_or(most) {
            return Ok(false);
        }
        self.file.write_all(part).await?;
        self.hash.update(part);
        self.offset = after;
        self.unsaved += part.len() as u64;
        if self.unsaved >= SAVED_EVERY {
            self.keep().await?;
        }
        Ok(true)
    }

    /// Puts what arrived on disk, and then its number.
    pub async fn keep(&mut self) -> io::Result<()> {
        self.file.flush().await?;
        self.file.sync_data().await?;
        self.unsaved = 0;
        self.save().await
    }

    /// Adds what another upload holds, which is whole.
    pub async fn append(&mut self, other: &Self) -> io::Result<()> {
        let after = self.offset + other.offset;
        let mut file = File::open(other.path()).await?;
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = file.read(&mut chunk).await?;
            let is_room = self.write(chunk.get(..count).unwrap_or_default(), after).await?;
            if count == 0 || !is_room {
                break;
            }
        }
        let is_there = self.offset == after;
        is_there
            .then_some(())
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Writes down what it is for.
    async fn describe(&self) -> io::Result<()> {
        if let Some(length) = self.facts.length {
            self.file.set_len(length).await?;
        }
        let text = serde_json::to_vec(&self.facts)?;
        write_whole(&self.folder.join("facts.json"), &text).await
    }

    async fn save(&self) -> io::Result<()> {
        let text = self.offset.to_string();
        write_whole(&self.folder.join("offset"), text.as_bytes()).await
    }

    /// The source, when it is complete: another name for the same bytes, so that nothing is lost when it cannot be
    /// recorded.
    pub async fn complete(&self) -> io::Result<Option<Received>> {
        if !self.is_whole() {
            return Ok(None);
        }
        let whole = self.folder.join(format!("whole-{}", Uuid::now_v7()));
        fs::hard_link(self.path(), &whole).await?;
        let sha256 = hex::encode(self.hash.clone().finalize());
        Ok(Some(Received::at(whole, self.offset, sha256)))
    }
}

/// Writes a small file so that it is whole or as before.
async fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = path.with_extension("partial");
    fs::write(&partial, bytes).await?;
    File::open(&partial).await?.sync_all().await?;
    fs::rename(&partial, path).await
}
