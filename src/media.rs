//! The media store: sources and renditions under one root, a folder or a bucket.
//!
//! Promises: what is stored is whole and durable before it has its name; a published rendition is never overwritten.
//!
//! ```text
//! {root}/{clip}/source/{sha256}                      never served
//! {root}/{clip}/{generation}/{quality}/segment-000.ts, playlist.m3u8
//! {root}/{clip}/{generation}/master.m3u8, poster.jpg, storyboard.vtt, storyboard-0.jpg
//! {root}/{clip}/captions/{uuid}.vtt                  those of every generation
//! {clip}/poster/{uuid}.jpg                    the one that somebody chose
//! ```
//!
//! Beside them, and always on this machine's disk: uploads and encodings under way (`.incoming`, `.work`), and, in front
//! of a bucket, copies of what was asked for lately (`.cache`).

mod bucket;
mod cache;
mod disk;
mod download;
mod incoming;
mod inventory;
pub mod labels;
mod uploads;

use std::io;
use std::path::{Path, PathBuf};

use clipper_domain::{ClipId, Quality};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::fs;
use tokio::io::AsyncReadExt;
use tokio_util::bytes::Bytes;

use crate::config::MediaPlace;
use bucket::Bucket;
use cache::Cache;
use disk::{Disk, present};
pub use download::{Download, DownloadError, Downloads};
pub use incoming::{Incoming, IncomingError, Received};
pub use inventory::{Footprint, Stray};
pub use uploads::{Mark, UPLOAD_KEPT, Upload, UploadFacts, Uploads};

/// Objects that are lent at a time.
const LENT_AT_ONCE: usize = 8;

/// The media store.
#[derive(Clone, Debug)]
pub struct MediaStore {
    /// What lies on this machine: all of it, or what is under way.
    own: Disk,
    bucket: Option<(Bucket, Cache)>,
    /// Resumable uploads under way.
    pub uploads: Uploads,
}

impl MediaStore {
    /// Where uploads and encodings under way lie, and what belongs to this machine alone.
    pub const OWN_FOLDERS: [&str; 5] = [".incoming", ".work", ".ahead", ".cache", ".unfinished"];

    /// Opens the store, making its folders.
    pub async fn open(place: MediaPlace) -> io::Result<Self> {
        let local = match &place {
            MediaPlace::Folder(folder) => folder,
            MediaPlace::Bucket { local, .. } => local,
        };
        // ffmpeg runs in a folder of its own, so that a relative root would mean another one there.
        let local = std::path::absolute(local)?;
        for own in [".incoming", ".work"] {
            fs::create_dir_all(local.join(own)).await?;
        }
        let bucket = match place {
            MediaPlace::Folder(_) => None,
            MediaPlace::Bucket {
                address,
                aws,
                cache_bytes,
                ..
            } => {
                let bucket = Bucket::open(&address, &aws, &local.join(".unfinished"))?;
                Some((bucket, Cache::open(&local, cache_bytes)?))
            }
        };
        Ok(Self {
            uploads: Uploads::new(local.join(".incoming")),
            own: Disk::new(local),
            bucket,
        })
    }

    /// The bucket that an object lies in; nothing, when it lies on this machine.
    fn bucket_of(&self, object: &str) -> Option<&(Bucket, Cache)> {
        self.bucket.as_ref().filter(|_| !object.starts_with('.'))
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

    /// The object name of a poster that somebody chose, which is that of every generation.
    pub fn poster_object(clip: ClipId, name: uuid::Uuid) -> String {
        format!("{clip}/poster/{name}.jpg")
    }

    /// Begins to receive a source.
    pub async fn receive(&self, upload: uuid::Uuid) -> io::Result<Incoming> {
        Incoming::create(self.own.path(&format!(".incoming/{upload}"))).await
    }

    /// Gives a received source its name, which follows from its bytes: another source never takes its place.
    pub async fn keep_source(&self, received: Received, clip: ClipId) -> io::Result<String> {
        let object = format!("{clip}/source/{}", received.sha256);
        match &self.bucket {
            None => self.own.adopt(&object, received.path()).await?,
            Some((bucket, cache)) => {
                let hash = Some(received.sha256.as_str());
                bucket.put_file(&object, received.path(), hash).await?;
                cache.adopt(&object, received.path())?;
            }
        }
        received.release();
        Ok(object)
    }

    /// Removes a source that its clip did not take.
    pub async fn discard_source(&self, object: &str) -> io::Result<()> {
        self.discard_ahead(object).await?;
        self.remove(object).await
    }

    /// Where what was encoded ahead of a source lies on this machine: beside the source, or by itself where that is
    /// elsewhere.
    pub fn ahead(&self, source: &str) -> PathBuf {
        match &self.bucket {
            None => self.own.path(&format!("{source}.ahead")),
            Some(_) => self.own.path(&format!(".ahead/{}", source.replace('/', "+"))),
        }
    }

    /// Keeps what was encoded ahead of a source.
    pub async fn keep_ahead(&self, folder: &Path, source: &str) -> io::Result<()> {
        let target = self.ahead(source);
        present(fs::remove_dir_all(&target).await)?;
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).await?;
        }
        fs::rename(folder, target).await
    }

    /// Removes what was encoded ahead of a source, if it is there.
    pub async fn discard_ahead(&self, source: &str) -> io::Result<()> {
        present(fs::remove_dir_all(self.ahead(source)).await).map(drop)
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
        let folder = self.work_root().join(format!("{piece}-{token}"));
        present(fs::remove_dir_all(folder).await).map(drop)
    }

    /// Where a piece of work finds an object, or the objects of a folder, once they were lent to it.
    pub fn lent(&self, object: &str, work: &Path) -> PathBuf {
        match &self.bucket {
            None => self.own.path(object),
            Some(_) => work.join("lent").join(object),
        }
    }

    /// Sees to it that a piece of work finds an object as a file, for as long as its folder is there.
    pub async fn lend(&self, object: &str, work: &Path) -> io::Result<PathBuf> {
        let path = self.lent(object, work);
        if let Some((bucket, cache)) = &self.bucket
            && !fs::try_exists(&path).await?
        {
            let cached = cache.get(bucket, object).await?;
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).await?;
            }
            fs::hard_link(&cached.path, &path).await?;
        }
        Ok(path)
    }

    /// As [`Self::lend`], of all objects that lie right in a folder.
    pub async fn lend_folder(&self, folder: &str, work: &Path) -> io::Result<PathBuf> {
        if let Some((bucket, _)) = &self.bucket {
            let names = bucket.names(folder).await?;
            let lend = |name: String| async move { self.lend(&format!("{folder}/{name}"), work).await };
            let mut lent = stream::iter(names).map(lend).buffer_unordered(LENT_AT_ONCE);
            while lent.try_next().await?.is_some() {}
        }
        Ok(self.lent(folder, work))
    }

    /// Opens an object for reading.
    pub async fn open_object(&self, object: &str) -> io::Result<std::fs::File> {
        match self.bucket_of(object) {
            None => open_file(self.own.path(object)).await,
            Some((bucket, cache)) => {
                let cached = cache.get(bucket, object).await?;
                match open_file(cached.path.clone()).await {
                    // Somebody has tidied up by hand.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        cache.forget(object);
                        open_file(cache.get(bucket, object).await?.path.clone()).await
                    }
                    opened => opened,
                }
            }
        }
    }

    /// Reads an object as a whole.
    pub async fn read(&self, object: &str) -> io::Result<Vec<u8>> {
        let file = self.open_object(object).await?;
        let mut bytes = vec![];
        fs::File::from_std(file).read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    /// Reads a text; nothing, when there is none.
    pub async fn read_text(&self, object: &str) -> io::Result<Option<String>> {
        let Some(bytes) = present(self.read(object).await)? else {
            return Ok(None);
        };
        String::from_utf8(bytes).map(Some).map_err(io::Error::other)
    }

    /// Stores an object under a name that nobody has; false, when somebody has it.
    pub async fn put_new(&self, object: &str, bytes: impl Into<Bytes>) -> io::Result<bool> {
        match self.bucket_of(object) {
            None => self.own.put_new(object, &bytes.into()).await,
            Some((bucket, _)) => bucket.put_new(object, bytes.into()).await,
        }
    }

    /// Stores an object, in place of one that may be there.
    pub async fn put(&self, object: &str, bytes: impl Into<Bytes>) -> io::Result<()> {
        match self.bucket_of(object) {
            None => self.own.put(object, &bytes.into()).await,
            Some((bucket, cache)) => {
                bucket.put(object, bytes.into()).await?;
                cache.forget(object);
                Ok(())
            }
        }
    }

    /// Stores a file of a work folder, which stays where it is.
    pub async fn put_file(&self, object: &str, file: &Path) -> io::Result<()> {
        match self.bucket_of(object) {
            None => self.own.put_file(object, file).await,
            Some((bucket, cache)) => {
                bucket.put_file(object, file, None).await?;
                cache.forget(object);
                Ok(())
            }
        }
    }

    /// Whether there is such an object. Of folders a bucket knows nothing.
    pub async fn exists(&self, object: &str) -> io::Result<bool> {
        match self.bucket_of(object) {
            None => self.own.exists(object).await,
            Some((bucket, _)) => bucket.exists(object).await,
        }
    }

    /// Removes an object or a folder of them, if it is there.
    pub async fn remove(&self, object: &str) -> io::Result<()> {
        match self.bucket_of(object) {
            None => self.own.remove(object).await,
            Some((bucket, cache)) => {
                bucket.remove(object).await?;
                let below = format!("{object}/");
                cache.retain(|kept| kept != object && !kept.starts_with(&below));
                Ok(())
            }
        }
    }

    /// The names in a folder, in order; none, where there is no folder.
    pub async fn names(&self, folder: &str) -> io::Result<Vec<String>> {
        match self.bucket_of(folder) {
            None => self.own.names(folder).await,
            Some((bucket, _)) => bucket.names(folder).await,
        }
    }

    /// Every object below a folder, and how large it is.
    pub async fn objects(&self, folder: &str) -> io::Result<Vec<(String, u64)>> {
        match self.bucket_of(folder) {
            None => self.own.objects(folder).await,
            Some((bucket, _)) => bucket.objects(folder).await,
        }
    }

    /// Where an object of a store in a folder lies.
    pub fn file(&self, object: &str) -> PathBuf {
        self.own.path(object)
    }

    /// How much lies under a name.
    pub async fn footprint(&self, object: &str) -> io::Result<Footprint> {
        match self.bucket_of(object) {
            None => self.own.footprint(object).await,
            Some((bucket, _)) => bucket.footprint(object).await,
        }
    }

    /// Objects below a folder that were not written to their end. A bucket has none.
    pub async fn partials(&self, folder: &str) -> io::Result<Vec<Stray>> {
        match self.bucket_of(folder) {
            None => self.own.partials(folder).await,
            Some(_) => Ok(vec![]),
        }
    }

    /// Uploads and encodings that are under way on this machine, or were when their process died.
    pub async fn strays(&self) -> io::Result<Vec<Stray>> {
        let mut found = vec![];
        for folder in [".incoming", ".work", ".ahead"] {
            for name in self.own.names(folder).await? {
                let object = format!("{folder}/{name}");
                let footprint = self.own.footprint(&object).await?;
                found.push(Stray { object, footprint });
            }
        }
        Ok(found)
    }

    /// Whether other machines have uploads and encodings under way that this one does not see.
    pub fn is_shared(&self) -> bool {
        self.bucket.is_some()
    }

    /// Ends what processes on this machine have left in the middle, and lets copies go of clips that are no more.
    pub async fn tidy(&self) -> io::Result<()> {
        let Some((bucket, cache)) = &self.bucket else {
            return Ok(());
        };
        bucket.abort_unfinished().await?;
        // The cache first: what is stored meanwhile was not seen.
        let kept = cache.clips();
        let clips = bucket.names("").await?;
        let gone: Vec<_> = kept.into_iter().filter(|clip| !clips.contains(clip)).collect();
        cache.forget_clips(&gone);
        Ok(())
    }

    /// Removes a folder that holds nothing. In a bucket there is none.
    pub async fn remove_if_empty(&self, folder: &str) -> io::Result<()> {
        match self.bucket_of(folder) {
            None => self.own.remove_if_empty(folder).await,
            Some(_) => Ok(()),
        }
    }

    /// Whether the store can be written to.
    pub async fn check(&self) -> io::Result<()> {
        let name = format!("check-{}", uuid::Uuid::now_v7());
        let probe = self.own.path(&format!(".incoming/{name}"));
        fs::write(&probe, b"clipper").await?;
        fs::remove_file(&probe).await?;
        match &self.bucket {
            None => Ok(()),
            Some((bucket, _)) => bucket.check().await,
        }
    }

    fn work_root(&self) -> PathBuf {
        self.own.path(".work")
    }
}

async fn open_file(path: PathBuf) -> io::Result<std::fs::File> {
    let opened = tokio::task::spawn_blocking(move || std::fs::File::open(path)).await;
    opened.map_err(io::Error::other)?
}
