//! The media store: sources and renditions as files under one root.
//!
//! Promises: what is stored is whole and on disk before it has its name; a published rendition is never overwritten.
//!
//! ```text
//! {root}/{clip}/source/{sha256}                      never served
//! {root}/{clip}/{generation}/{quality}/segment-000.ts, playlist.m3u8
//! {root}/{clip}/{generation}/master.m3u8
//! {root}/.incoming/…  {root}/.work/…                 uploads and encodings under way
//! ```

mod incoming;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clipper_domain::{ClipId, Quality};
use tokio::fs;

pub use incoming::{Incoming, IncomingError, Received};

/// The media store on a local disk.
#[derive(Clone, Debug)]
pub struct MediaStore {
    root: PathBuf,
}

impl MediaStore {
    /// Opens the store, making its folders.
    pub async fn open(root: PathBuf) -> io::Result<Self> {
        // ffmpeg runs in a folder of its own, so that a relative root would mean another one there.
        let store = Self {
            root: std::path::absolute(root)?,
        };
        fs::create_dir_all(store.incoming_dir()).await?;
        fs::create_dir_all(store.work_root()).await?;
        Ok(store)
    }

    /// Where an object lies on this machine's disk. Object names come from events, never from requests.
    pub fn path(&self, object: &str) -> PathBuf {
        self.root.join(object)
    }

    /// The object name of a rendition's folder.
    pub fn rendition_object(clip: ClipId, generation: u32, quality: Quality) -> String {
        format!("{clip}/{generation}/{}", quality.path())
    }

    /// The object name of a media segment, three digits at least.
    pub fn segment_object(rendition: &str, number: u32) -> String {
        format!("{rendition}/segment-{number:03}.ts")
    }

    /// Begins to receive a source.
    pub async fn receive(&self, upload: uuid::Uuid) -> io::Result<Incoming> {
        Incoming::create(self.incoming_dir().join(upload.to_string())).await
    }

    /// Gives a received source its name, which follows from its bytes: another source never takes its place.
    pub async fn keep_source(&self, received: Received, clip: ClipId) -> io::Result<String> {
        let object = format!("{clip}/source/{}", received.sha256);
        let target = self.path(&object);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).await?;
            received.rename(&target).await?;
            sync_dir(folder).await?;
        }
        Ok(object)
    }

    /// Removes a source that its clip did not take.
    pub async fn discard_source(&self, object: &str) -> io::Result<()> {
        fs::remove_file(self.path(object)).await
    }

    /// An empty folder for one attempt; what earlier attempts of the same encoding left is removed.
    pub async fn begin_work(&self, clip: ClipId, generation: u32, token: i64) -> io::Result<PathBuf> {
        let prefix = format!("{clip}-{generation}-");
        let mut entries = fs::read_dir(self.work_root()).await?;
        while let Some(entry) = entries.next_entry().await? {
            let attempt = entry
                .file_name()
                .to_str()
                .and_then(|n| n.strip_prefix(&prefix)?.parse::<i64>().ok());
            if attempt.is_some_and(|attempt| attempt < token) {
                fs::remove_dir_all(entry.path()).await?;
            }
        }
        let folder = self.work_root().join(format!("{prefix}{token}"));
        fs::create_dir_all(&folder).await?;
        Ok(folder)
    }

    /// Gives a finished rendition its name.
    ///
    /// A folder of that name can only be what an attempt left that ended between storing and recording: it was never
    /// published, and the caller holds the lease, so it makes way.
    pub async fn publish(&self, rendition: &Path, object: &str) -> io::Result<()> {
        let target = self.path(object);
        let folder = target.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).await?;
        sync_files(rendition).await?;
        match fs::remove_dir_all(&target).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        fs::rename(rendition, &target).await?;
        sync_dir(folder).await
    }

    /// Writes a small file whole.
    pub async fn write(&self, object: &str, text: &str) -> io::Result<()> {
        let target = self.path(object);
        let partial = target.with_extension("partial");
        fs::write(&partial, text).await?;
        fs::File::open(&partial).await?.sync_all().await?;
        fs::rename(&partial, &target).await
    }

    /// Whether the store can be written to.
    pub async fn check(&self) -> io::Result<()> {
        let probe = self
            .incoming_dir()
            .join(format!("check-{}", uuid::Uuid::now_v7()));
        fs::write(&probe, b"clipper").await?;
        fs::remove_file(&probe).await
    }

    /// Removes uploads and attempts that nobody has touched for a while, and tells how many.
    pub async fn sweep(&self, now: SystemTime, untouched_for: Duration) -> io::Result<usize> {
        let mut swept = 0;
        for folder in [self.incoming_dir(), self.work_root()] {
            let mut entries = fs::read_dir(folder).await?;
            while let Some(entry) = entries.next_entry().await? {
                let touched = last_touched(&entry.path()).await?;
                if now.duration_since(touched).is_ok_and(|age| age > untouched_for) {
                    remove(&entry.path()).await?;
                    swept += 1;
                }
            }
        }
        Ok(swept)
    }

    fn incoming_dir(&self) -> PathBuf {
        self.root.join(".incoming")
    }

    fn work_root(&self) -> PathBuf {
        self.root.join(".work")
    }
}

/// The latest change of a file, or of anything below a folder.
async fn last_touched(path: &Path) -> io::Result<SystemTime> {
    let mut latest = fs::metadata(path).await?.modified()?;
    let mut folders = vec![path.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(mut entries) = fs::read_dir(&folder).await else {
            continue;
        };
        while let Some(entry) = entries.next_entry().await? {
            let metadata = entry.metadata().await?;
            latest = latest.max(metadata.modified()?);
            if metadata.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(latest)
}

async fn remove(path: &Path) -> io::Result<()> {
    if fs::metadata(path).await?.is_dir() {
        fs::remove_dir_all(path).await
    } else {
        fs::remove_file(path).await
    }
}

/// Puts the files of a folder and the folder itself on disk, so that a published rendition survives a power cut.
async fn sync_files(folder: &Path) -> io::Result<()> {
    let mut entries = fs::read_dir(folder).await?;
    while let Some(entry) = entries.next_entry().await? {
        fs::File::open(entry.path()).await?.sync_all().await?;
    }
    sync_dir(folder).await
}

async fn sync_dir(folder: &Path) -> io::Result<()> {
    fs::File::open(folder).await?.sync_all().await
}
