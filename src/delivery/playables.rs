//! Clips that are asked for, kept until the log tells of a change to them.
//!
//! A follower reads which clips the events are about that the read models have taken in, and drops those. What it has not
//! looked at yet makes every clip uncertain for that moment: who asks then waits for it, so that nobody sees a clip older
//! than what an answer of this process has shown.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clipper_domain::ClipId;
use clipper_projections::Log;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use quick_cache::sync::Cache;
use tokio::sync::{Notify, watch};

use super::playable::{LoadError, Playable};
use super::traffic::Traffic;
use crate::shutdown::Shutdown;
use crate::storage::{Db, Logs, StorageError};

/// What follows from a clip's events and is kept here.
const READ_MODELS: [&str; 3] = ["clips", "video_variants", "clip_captions"];
/// Clips that are kept at most.
const CAPACITY: usize = 10_000;
/// A clip is read again after this, whatever the log says.
const MAX_AGE: Duration = Duration::from_secs(30);
/// How long a request waits for the follower.
const PATIENCE: Duration = Duration::from_millis(500);
/// When the follower is this many events behind, it drops everything instead of reading them.
const MANY: i64 = 1_000;

type Found = Result<Option<Arc<Playable>>, Arc<LoadError>>;
type Loading = Shared<BoxFuture<'static, Found>>;

/// Clips that are asked for.
#[derive(Clone)]
pub struct Playables(Arc<Inner>);

struct Inner {
    db: Db,
    logs: Logs,
    traffic: Traffic,
    followed: Vec<Followed>,
    /// The follower has looked at something.
    looked: Notify,
    /// Counts what the follower dropped.
    drops: AtomicU64,
    kept: Cache<ClipId, Kept>,
    /// A slug never becomes another clip's.
    slugs: Cache<String, ClipId>,
    /// Those that are being read, and what the count of drops was then.
    loading: Mutex<HashMap<(String, u64), Loading>>,
}

/// A read model, and up to where its changes are known here.
struct Followed {
    moves: watch::Receiver<i64>,
    seen: AtomicI64,
}

#[derive(Clone)]
struct Kept {
    since: Instant,
    playable: Arc<Playable>,
}

impl Followed {
    fn new(moves: watch::Receiver<i64>) -> Self {
        let position = *moves.borrow();
        Self {
            moves,
            seen: AtomicI64::new(position),
        }
    }

    fn position(&self) -> i64 {
        *self.moves.borrow()
    }

    fn is_seen(&self) -> bool {
        self.seen.load(Ordering::Acquire) == self.position()
    }
}

impl Playables {
    /// Keeps clips as long as the follower runs.
    pub fn start(
        db: Db,
        logs: Logs,
        traffic: Traffic,
        moves: impl Fn(&'static str) -> Option<watch::Receiver<i64>>,
        shutdown: &Shutdown,
    ) -> Self {
        let followed = READ_MODELS.into_iter().filter_map(moves).map(Followed::new);
        let inner = Arc::new(Inner {
            db,
            logs,
            traffic,
            followed: followed.collect(),
            looked: Notify::new(),
            drops: AtomicU64::new(0),
            kept: Cache::new(CAPACITY),
            slugs: Cache::new(CAPACITY),
            loading: Mutex::default(),
        });
        for number in 0..inner.followed.len() {
            let (inner, finishing) = (Arc::clone(&inner), shutdown.clone());
            shutdown.spawn("playables", async move {
                tokio::select! {
                    () = finishing.finishing() => {}
                    () = inner.follow(number) => {}
                }
            });
        }
        Self(inner)
    }

    /// A clip that is kept and certainly has not changed.
    pub fn at_hand(&self, name: &str) -> Option<Arc<Playable>> {
        let inner = &*self.0;
        if !inner.is_certain() {
            return None;
        }
        let id = match name.parse() {
            Ok(id) => id,
            Err(_no_uuid) => inner.slugs.get(name)?,
        };
        let kept = inner.kept.get(&id)?;
        (kept.since.elapsed() < MAX_AGE).then_some(kept.playable)
    }

    /// The clip with this UUID or slug; nothing, when there is none.
    pub async fn get(&self, name: &str) -> Found {
        // Whoever waits in vain reads the database, which is never behind itself.
        let certain = tokio::time::timeout(PATIENCE, self.0.certain()).await;
        if certain.is_ok()
            && let Some(playable) = self.at_hand(name)
        {
            return Ok(Some(playable));
        }
        let loading = self.load(name);
        loading.await
    }

    /// All who ask for the same at the same time share one look into the database.
    fn load(&self, name: &str) -> Loading {
        let key = (name.to_owned(), self.0.drops.load(Ordering::Acquire));
        let mut loading = self.0.loading.lock().unwrap_or_else(PoisonError::into_inner);
        loading
            .entry(key.clone())
            .or_insert_with(|| Arc::clone(&self.0).read(key).boxed().shared())
            .clone()
    }
}

impl Inner {
    async fn read(self: Arc<Self>, key: (String, u64)) -> Found {
        let found = Playable::load(&self.db, &self.traffic, &key.0).await;
        let found = found.map(|found| found.map(Arc::new)).map_err(Arc::new);
        if let Ok(Some(playable)) = &found {
            self.keep(playable);
            // What was dropped since the look into the database may have been this.
            if self.drops.load(Ordering::Acquire) != key.1 {
                self.kept.remove(&playable.id);
            }
        }
        let mut loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        loading.remove(&key);
        found
    }

    fn keep(&self, playable: &Arc<Playable>) {
        let kept = Kept {
            since: Instant::now(),
            playable: Arc::clone(playable),
        };
        self.slugs.insert(playable.row.slug.clone(), playable.id);
        self.kept.insert(playable.id, kept);
    }

    fn is_certain(&self) -> bool {
        self.followed.iter().all(Followed::is_seen)
    }

    async fn certain(&self) {
        loop {
            let looked = self.looked.notified();
            if self.is_certain() {
                return;
            }
            looked.await;
        }
    }

    async fn follow(&self, number: usize) {
        let Some(followed) = self.followed.get(number) else {
            return;
        };
        let mut moves = followed.moves.clone();
        while moves.changed().await.is_ok() {
            let (seen, position) = (followed.seen.load(Ordering::Acquire), *moves.borrow_and_update());
            if let Err(error) = self.drop_changed(seen, position).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "every clip is read again"
                );
                self.drop_all();
            }
            followed.seen.store(position, Ordering::Release);
            self.looked.notify_waiters();
        }
    }

    async fn drop_changed(&self, seen: i64, position: i64) -> Result<(), StorageError> {
        if !(0..=MANY).contains(&(position - seen)) {
            self.drop_all();
            return Ok(());
        }
        let changed = self.logs.streams(Log::Clip, seen, position).await?;
        // First the count: a read that goes on beside this looks at it last.
        self.drops.fetch_add(1, Ordering::AcqRel);
        for stream in changed {
            if let Ok(id) = ClipId::from_stream(&stream) {
                self.kept.remove(&id);
            }
        }
        Ok(())
    }

    fn drop_all(&self) {
        self.drops.fetch_add(1, Ordering::AcqRel);
        self.kept.clear();
    }
}
