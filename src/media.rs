//! The media store: sources and renditions as files under one root.
//!
//! Promises: what is stored is whole and on disk before it has its name; a published rendition is never overwritten.
//!
//! ```text
//! {root}/{clip}/source/{sha256}                      never served
//! {root}/{clip}/{generation}/{quality}/segment-000.ts, playlist.m3u8
//! {root}/{clip}/{generation}/master.m3u8, poster.jpg, storyboard.vtt, storyboard-0.jpg
//! {root}/{clip}/captions/{uuid}.vtt                  those of every generation
//! {root}/.incoming/…  {root}/.work/…                 uploads and encodings under way
//! ```

mod download;
mod incoming;
mod inventory;
mod uploads;

use std::io;
use std::path::{Path, PathBuf};

use clipper_domain::{ClipId, Quality};
use tokio::fs;
use tokio::io::AsyncWriteExt;

pub use download::{Download, DownloadError, Downloads};
pub use incoming::{Incoming, IncomingError, Received};
pub use inventory::{Footprint, Stray};
pub use uploads::{Mark, UPLOAD_KEPT, Upload, UploadFacts, Uploads};

/// The media store on a local disk.
#[derive(Clone, Debug)]
pub struct MediaStore {
    root: PathBuf,
    /// Resumable uploads under way.
    pub uploads: Uploads,
}

impl MediaStore {
    /// Opens the store, making its folders.
    pub async fn open(root: PathBuf) -> io::Result<Self> {
        // ffmpeg runs in a folder of its own, so that a relative root would mean another one there.
        let root = std::path::absolute(root)?;
        let store = Self {
            uploads: Uploads::new(root.join(".incoming")),
            root,
        };
        fs::create_dir_all(store.incoming_dir()).await?;
        fs::create_dir_all(store.work_root()).await?;
        Ok(store)
    }

    /// Where an object lies on this machine's disk. Object names come from events, never from requests.
    pub fn path(&self, object: &str) -> PathBuf {
        self.root.join(object)
    }

    /// The object name of a generation's folder.
    pub fn generation_object(clip: ClipId, generation: u32) -> String {
        format!("{clip}/{generation}")
    }

    /// The object name of a rendition's folder.
    pub fn rendition_object(clip: ClipId, generation: u32, quality: Quality) -> String {
        format!("{clip}/{generation}/{}", quality.path())
    }

    /// The object name of captions, which are those of every generation.
    pub fn captions_object(clip: ClipId, name: uuid::Uuid) -> String {
        format!("{clip}/captions/{name}.vtt")
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
        self.remove(&Self::ahead_object(object)).await?;
        fs::remove_file(self.path(object)).await
    }

    /// Where what was encoded ahead of a source lies.
    pub fn ahead_object(source: &str) -> String {
        format!("{source}.ahead")
    }

    /// Keeps what was encoded ahead of a source beside it.
    pub async fn keep_ahead(&self, folder: &Path, source: &str) -> io::Result<()> {
        let object = Self::ahead_object(source);
        self.remove(&object).await?;
        fs::rename(folder, self.path(&object)).await
    }

    /// An empty folder for one attempt at a piece of work; what earlier attempts at it left is removed.
    pub async fn begin_work(&self, piece: &str, token: i64) -> io::Result<PathBuf> {
        let prefix = format!("{piece}-");
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

    /// Removes the folder of an attempt, if it is there.
    pub async fn end_work(&self, piece: &str, token: i64) -> io::Result<()> {
        self.remove(&format!(".work/{piece}-{token}")).await
    }

    /// Stores an object under a name that nobody has; false, when somebody has it.
    pub async fn put_new(&self, object: &str, bytes: &[u8]) -> io::Result<bool> {
        let (target, partial) = self.begin_object(object).await?;
        write_through(&partial, bytes).await?;
        let linked = fs::hard_link(&partial, &target).await;
        fs::remove_file(&partial).await?;
        match linked {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(error),
        }
        sync_parent(&target).await?;
        Ok(true)
    }

    /// Stores an object, in place of one that may be there.
    pub async fn put(&self, object: &str, bytes: &[u8]) -> io::Result<()> {
        let (target, partial) = self.begin_object(object).await?;
        write_through(&partial, bytes).await?;
        fs::rename(&partial, &target).await?;
        sync_parent(&target).await
    }

    /// Stores a file of a work folder, which stays where it is.
    pub async fn put_file(&self, object: &str, file: &Path) -> io::Result<()> {
        let (target, partial) = self.begin_object(object).await?;
        fs::File::open(file).await?.sync_all().await?;
        fs::hard_link(file, &partial).await?;
        fs::rename(&partial, &target).await?;
        sync_parent(&target).await
    }

    async fn begin_object(&self, object: &str) -> io::Result<(PathBuf, PathBuf)> {
        let target = self.path(object);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).await?;
        }
        let name = uuid::Uuid::now_v7().simple().to_string();
        let partial = target.with_extension(format!("{name}.partial"));
        Ok((target, partial))
    }

    /// Whether there is such an object.
    pub async fn exists(&self, object: &str) -> io::Result<bool> {
        match fs::try_exists(self.path(object)).await {
            // A name below a file is nobody's.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
            found => found,
        }
    }

    /// Removes an object or a folder of them, if it is there.
    pub async fn remove(&self, object: &str) -> io::Result<()> {
        match remove(&self.path(object)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Whether the store can be written to.
    pub async fn check(&self) -> io::Result<()> {
        let probe = self
            .incoming_dir()
            .join(format!("check-{}", uuid::Uuid::now_v7()));
        fs::write(&probe, b"clipper").await?;
        fs::remove_file(&probe).await
    }

    fn incoming_dir(&self) -> PathBuf {
        self.root.join(".incoming")
    }

    fn work_root(&self) -> PathBuf {
        self.root.join(".work")
    }
}

async fn remove(path: &Path) -> io::Result<()> {
    if fs::metadata(path).await?.is_dir() {
        fs::remove_dir_all(path).await
    } else {
        fs::remove_file(path).await
    }
}

async fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create_new(path).await?;
    file.write_all(bytes).await?;
    file.sync_all().await
}

async fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => sync_dir(folder).await,
        None => Ok(()),
    }
}

async fn sync_dir(folder: &Path) -> io::Result<()> {
    fs::File::open(folder).await?.sync_all().await
}
