//! How much is sent of which clip: counted in memory by whoever sends, and written down every few seconds.
//!
//! A clip that is kept at hand holds its counters, so that counting needs no look-up. Memory is bounded by the clips that are
//! kept and the bodies that are under way; what nobody holds any more is let go once it is written down.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clipper_domain::{ClipId, Quality};

use crate::clock::Clock;
use crate::shutdown::Shutdown;
use crate::storage::bandwidth::{self, Sent};
use crate::storage::{Db, StorageError};

/// What a crash loses at most.
const INTERVAL: Duration = Duration::from_secs(5);

/// What was sent of which clip.
#[derive(Clone, Default)]
pub struct Traffic {
    // Held while a clip is loaded and while counters are read, never while anything is awaited.
    tallies: Arc<Mutex<HashMap<(ClipId, Portion), Owned>>>,
}

/// What is counted of a clip on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Portion {
    /// Playlist and segments of a rung.
    Rung(Quality),
    /// The download.
    Download,
    /// What belongs to no rung: the master playlist, pictures, captions.
    Other,
}

/// Counts what is sent.
#[derive(Debug, Default)]
pub struct Tally {
    bytes: AtomicU64,
    requests: AtomicU64,
}

struct Owned {
    tally: Arc<Tally>,
    owner_id: String,
}

impl Tally {
    /// One more answer.
    pub fn answered(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// So many bytes of a body have left.
    pub fn sent(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Portion {
    fn name(self) -> &'static str {
        match self {
            Self::Rung(quality) => quality.label(),
            Self::Download => "download",
            Self::Other => "other",
        }
    }
}

impl Traffic {
    /// The counters of a part of a clip.
    pub fn tally(&self, clip: ClipId, portion: Portion, owner_id: &str) -> Arc<Tally> {
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let owned = tallies.entry((clip, portion)).or_insert_with(|| Owned {
            tally: Arc::default(),
            owner_id: owner_id.to_owned(),
        });
        Arc::clone(&owned.tally)
    }

    /// Writes down what was sent, from time to time.
    pub async fn follow(self, db: Db, clock: Arc<dyn Clock>, shutdown: Shutdown) {
        loop {
            tokio::select! {
                () = shutdown.finishing() => return,
                () = tokio::time::sleep(INTERVAL) => {}
            }
            if let Err(error) = self.write_down(&db, clock.as_ref()).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "what was sent is written down later"
                );
            }
        }
    }

    /// Adds what was sent since the last time to the database; what cannot be added stays counted.
    pub async fn write_down(&self, db: &Db, clock: &dyn Clock) -> Result<(), StorageError> {
        let sent = self.take();
        if sent.is_empty() {
            return Ok(());
        }
        let rows = sent.iter().map(|(row, _)| row.clone()).collect();
        let added = bandwidth::add(db, clock.now(), rows).await;
        if added.is_err() {
            for (row, tally) in sent {
                tally.bytes.fetch_add(row.bytes, Ordering::Relaxed);
                tally.requests.fetch_add(row.requests, Ordering::Relaxed);
            }
        }
        added
    }

    /// Empties the counters, and lets those go that nobody else holds.
    fn take(&self) -> Vec<(Sent, Arc<Tally>)> {
        let mut sent = vec![];
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        tallies.retain(|(clip, portion), Owned { tally, owner_id }| {
            // Looked at first: whoever gets hold of it later does so under this lock.
            let is_held = Arc::strong_count(tally) > 1;
            let bytes = tally.bytes.swap(0, Ordering::Relaxed);
            let requests = tally.requests.swap(0, Ordering::Relaxed);
            if bytes > 0 || requests > 0 {
                let row = Sent {
                    owner_id: owner_id.clone(),
                    clip: *clip,
                    quality: portion.name().to_owned(),
                    bytes,
                    requests,
                };
                sent.push((row, Arc::clone(tally)));
                return true;
            }
            is_held
        });
        sent
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn counters_that_nobody_holds_are_let_go_once_they_are_read() {
        let traffic = Traffic::default();
        for number in 0..10_000 {
            let clip = ClipId(Uuid::from_u128(number));
            traffic.tally(clip, Portion::Other, "owner").sent(10);
        }
        let held = traffic.tally(ClipId(Uuid::from_u128(1)), Portion::Other, "owner");
        let taken: u64 = traffic.take().iter().map(|(row, _)| row.bytes).sum();
        assert_eq!(taken, 100_000);
        assert!(traffic.take().is_empty());
        assert_eq!(traffic.tallies.lock().unwrap().len(), 1);
        held.sent(5);
        held.answered();
        let taken = traffic.take();
        assert_eq!((taken[0].0.bytes, taken[0].0.requests), (5, 1));
    }
}
