//! The keys of playback tokens at hand, and what is signed and verified with them.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clipper_domain::ClipId;
use thiserror::Error;

use super::token::{Admission, Bearer, Grant, TokenError, TokenKey, verify};
use crate::clock::Clock;
use crate::shutdown::Shutdown;
use crate::storage::keys;
use crate::storage::playback_keys::{self, PlaybackKeyRow};
use crate::storage::{Db, StorageError};

/// How soon another node's new key is known here.
const REFRESH: Duration = Duration::from_secs(10);
/// A key signs only after this, so that no node meets a token whose key it does not know.
const KNOWN_EVERYWHERE: TimeDelta = TimeDelta::seconds(30);

/// Why there is no key to sign with.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The database could not be asked.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The system gives no randomness.
    #[error("the system gives no randomness")]
    NoRandomness(#[from] rand::rand_core::OsError),
    /// A key in the database is not what was written there.
    #[error("a playback key cannot be read")]
    Malformed(#[from] hex::FromHexError),
}

/// Signs and verifies playback tokens.
#[derive(Clone)]
pub struct Tokens {
    keys: Arc<RwLock<Arc<Vec<TokenKey>>>>,
}

impl Tokens {
    /// Reads the keys; the first is made when there is none.
    pub async fn open(db: &Db, clock: &dyn Clock) -> Result<Self, KeyError> {
        if playback_keys::live(db).await?.is_empty() {
            add_key(db, clock, 1).await?;
        }
        Ok(Self {
            keys: Arc::new(RwLock::new(Arc::new(read(db).await?))),
        })
    }

    /// Learns of keys that were added elsewhere.
    pub async fn follow(self, db: Db, shutdown: Shutdown) {
        loop {
            tokio::select! {
                () = shutdown.finishing() => return,
                () = tokio::time::sleep(REFRESH) => {}
            }
            match read(&db).await {
                Ok(keys) => {
                    *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
                }
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "playback keys stay as they were"
                ),
            }
        }
    }

    /// Writes a token with the newest key that every node knows by now.
    pub fn mint(&self, clip: ClipId, grant: &Grant, now: DateTime<Utc>) -> Option<String> {
        let keys = self.keys();
        let known = keys.iter().find(|key| now - key.since > KNOWN_EVERYWHERE);
        known.or(keys.last()).map(|key| key.mint(clip, grant))
    }

    /// Whether a token admits its bearer to a clip.
    pub fn verify(&self, token: &str, clip: ClipId, bearer: Bearer<'_>) -> Result<Admission, TokenError> {
        verify(&self.keys(), token, clip, bearer)
    }

    fn keys(&self) -> Arc<Vec<TokenKey>> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Adds a key, which signs when every node knows it; tokens of the key before it stay good.
pub async fn rotate(db: &Db, clock: &dyn Clock) -> Result<i64, KeyError> {
    let newest = playback_keys::live(db).await?.first().map_or(0, |key| key.id);
    add_key(db, clock, newest + 1).await?;
    Ok(newest + 1)
}

async fn add_key(db: &Db, clock: &dyn Clock, id: i64) -> Result<(), KeyError> {
    let secret = keys::random()?;
    let now = db.now(clock).await?;
    Ok(playback_keys::add(db, id, &secret, now).await?)
}

async fn read(db: &Db) -> Result<Vec<TokenKey>, KeyError> {
    let rows = playback_keys::live(db).await?;
    rows.iter().map(key).collect()
}

fn key(row: &PlaybackKeyRow) -> Result<TokenKey, KeyError> {
    Ok(TokenKey {
        id: row.number(),
        secret: hex::decode(&row.secret)?,
        since: row.created_at,
    })
}
