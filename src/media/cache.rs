//! Copies of a bucket's objects on this machine's disk, as many as there is room for.
//!
//! Promises: no more bytes than the bound, but for what is in use just now; an object that many ask for is fetched once;
//! a copy is whole, or it is not there. Copies outlive the process.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};
use tokio::sync::Semaphore;

use super::bucket::Bucket;

/// Objects that are fetched at a time.
const AT_WORK: usize = 32;
/// The cache is laid out for objects of this size; there may be more, or fewer.
const USUAL: u64 = 1 << 20;

type Kept = quick_cache::sync::Cache<String, Arc<Cached>, Bytes, DefaultHashBuilder, LetGo>;
type Flight = Shared<BoxFuture<'static, Result<Arc<Cached>, Arc<io::Error>>>>;

/// The copies.
#[derive(Clone)]
pub(super) struct Cache {
    folder: PathBuf,
    /// Held for as long as the folder is this process's own.
    _lock: Arc<File>,
    kept: Arc<Kept>,
    flights: Arc<Mutex<HashMap<String, Flight>>>,
    at_work: Arc<Semaphore>,
}

/// A copy. Once it is let go, its file is removed with the last who holds it.
#[derive(Debug)]
pub(super) struct Cached {
    pub(super) path: PathBuf,
    bytes: u64,
    let_go: AtomicBool,
}

impl Drop for Cached {
    fn drop(&mut self) {
        if self.let_go.load(Ordering::Acquire)
            && let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "a copy that was let go could not be removed");
        }
    }
}

/// What a copy takes up.
#[derive(Clone)]
struct Bytes;

impl Weighter<String, Arc<Cached>> for Bytes {
    fn weight(&self, _object: &String, cached: &Arc<Cached>) -> u64 {
        cached.bytes.max(1)
    }
}

/// What has to make way.
#[derive(Clone)]
struct LetGo;

impl Lifecycle<String, Arc<Cached>> for LetGo {
    type RequestState = ();

    fn begin_request(&self) {}

    fn on_evict(&self, (): &mut (), _object: String, cached: Arc<Cached>) {
        metrics::counter!("clipper_media_cache_evicted_bytes_total").increment(cached.bytes);
        cached.let_go.store(true, Ordering::Release);
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Cache")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl Cache {
    /// Opens the cache with what earlier processes have left in it.
    pub(super) fn open(local: &Path, capacity: u64) -> io::Result<Self> {
        let lock = File::create(local.join(".cache.lock"))?;
        let own = lock.try_lock().is_ok();
        let folder = if own {
            local.join(".cache")
        } else {
            // Another process looks after that one. What this one leaves is swept up as other work is.
            local.join(format!(".work/cache-{}", uuid::Uuid::now_v7()))
        };
        std::fs::create_dir_all(&folder)?;
        let options = OptionsBuilder::new()
            // One, so that a large source has the whole of the room and not a share of it.
            .shards(1)
            .estimated_items_capacity(usize::try_from(capacity / USUAL).unwrap_or(usize::MAX).max(64))
            .weight_capacity(capacity)
            .build()
            .map_err(io::Error::other)?;
        let cache = Self {
            kept: Arc::new(Kept::with_options(
                options,
                Bytes,
                DefaultHashBuilder::default(),
                LetGo,
            )),
            folder,
            _lock: Arc::new(lock),
            flights: Arc::default(),
            at_work: Arc::new(Semaphore::new(AT_WORK)),
        };
        cache.take_up()?;
        Ok(cache)
    }

    /// What was fetched last is kept first.
    fn take_up(&self) -> io::Result<()> {
        let mut found = vec![];
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            match entry.file_name().to_str().and_then(object_of) {
                Some(object) => found.push((metadata.modified()?, object, entry.path(), metadata.len())),
                None => std::fs::remove_file(entry.path())?,
            }
        }
        found.sort_unstable();
        for (_, object, path, bytes) in found {
            self.keep(object, path, bytes);
        }
        Ok(())
    }

    fn keep(&self, object: String, path: PathBuf, bytes: u64) -> Arc<Cached> {
        let cached = Arc::new(Cached {
            path,
            bytes,
            let_go: AtomicBool::new(false),
        });
        self.forget(&object);
        self.kept.insert(object, Arc::clone(&cached));
        cached
    }

    /// Lets a copy go.
    pub(super) fn forget(&self, object: &str) {
        if let Some((_, cached)) = self.kept.remove(object) {
            cached.let_go.store(true, Ordering::Release);
        }
    }

    /// The clips that there are copies of.
    pub(super) fn clips(&self) -> BTreeSet<String> {
        self.kept
            .iter()
            .map(|(object, _)| clip_of(&object).to_owned())
            .collect()
    }

    /// Lets go whatever is of these clips.
    pub(super) fn forget_clips(&self, clips: &[String]) {
        self.retain(|object| !clips.iter().any(|clip| clip == clip_of(object)));
    }

    /// Lets go what is wanted no more.
    pub(super) fn retain(&self, is_wanted: impl Fn(&str) -> bool) {
        self.kept.retain(|object, cached| {
            let wanted = is_wanted(object);
            if !wanted {
                cached.let_go.store(true, Ordering::Release);
            }
            wanted
        });
    }

    /// Moves a file here that is an object's copy.
    pub(super) fn adopt(&self, object: &str, file: &Path) -> io::Result<()> {
        let path = self.place(object);
        std::fs::rename(file, &path)?;
        let bytes = std::fs::metadata(&path)?.len();
        self.keep(object.to_owned(), path, bytes);
        Ok(())
    }

    /// A copy of an object, which may have to be fetched. Whoever asks may go away meanwhile; others wait for the same.
    pub(super) async fn get(&self, bucket: &Bucket, object: &str) -> io::Result<Arc<Cached>> {
        if let Some(cached) = self.kept.get(object) {
            metrics::counter!("clipper_media_cache_hits_total").increment(1);
            return Ok(cached);
        }
        metrics::counter!("clipper_media_cache_misses_total").increment(1);
        let flight = self.flight(bucket, object);
        flight
            .await
            .map_err(|error| io::Error::new(error.kind(), Shown(error)))
    }

    fn flight(&self, bucket: &Bucket, object: &str) -> Flight {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(object) {
            return flight.clone();
        }
        let (cache, bucket, wanted) = (self.clone(), bucket.clone(), object.to_owned());
        #[expect(
            clippy::disallowed_methods,
            reason = "what is left of it at shutdown is removed at the next start"
        )]
        let task = tokio::spawn(async move {
            let fetched = cache.fetch(&bucket, &wanted).await;
            let mut flights = cache.flights.lock().unwrap_or_else(PoisonError::into_inner);
            flights.remove(&wanted);
            fetched.map_err(Arc::new)
        });
        let flight = async {
            task.await
                .unwrap_or_else(|ended| Err(Arc::new(io::Error::other(ended))))
        };
        let flight = flight.boxed().shared();
        flights.insert(object.to_owned(), flight.clone());
        flight
    }

    async fn fetch(&self, bucket: &Bucket, object: &str) -> io::Result<Arc<Cached>> {
        let _turn = self.at_work.acquire().await.map_err(io::Error::other)?;
        if let Some(cached) = self.kept.get(object) {
            return Ok(cached);
        }
        let path = self.place(object);
        let part = path.with_extension("part");
        let fetched = bucket.fetch(object, &part).await;
        let bytes = match fetched {
            Ok(bytes) => bytes,
            Err(error) => {
                drop(std::fs::remove_file(&part));
                return Err(error);
            }
        };
        std::fs::rename(&part, &path)?;
        Ok(self.keep(object.to_owned(), path, bytes))
    }

    /// A new file for an object: another copy of it may still be in use.
    fn place(&self, object: &str) -> PathBuf {
        let copy = uuid::Uuid::now_v7().simple();
        self.folder
            .join(format!("{}@{copy}.copy", object.replace('/', "+")))
    }
}

/// The object that a file is a copy of.
fn object_of(file: &str) -> Option<String> {
    let (object, _copy) = file.strip_suffix(".copy")?.split_once('@')?;
    Some(object.replace('+', "/"))
}

fn clip_of(object: &str) -> &str {
    object.split('/').next().unwrap_or_default()
}

/// An error that several wait for.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Shown(Arc<io::Error>);
