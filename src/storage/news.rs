//! What other processes did: PostgreSQL tells it, SQLite is asked. News are nudges; who misses one polls.

use std::time::Duration;

use clipper_projections::Log;
use sqlx::postgres::PgListener;
use tokio::sync::watch;

use super::{Db, StorageError};
use crate::shutdown::Shutdown;

/// The channel on which processes tell each other.
pub(super) const CHANNEL: &str = "clipper";
/// What is told when a projection has moved.
pub(super) const MOVED: &str = "moved";

const PAUSE: Duration = Duration::from_secs(1);

/// Channels that change when another process did something.
#[derive(Clone, Debug)]
pub struct News {
    clip: watch::Receiver<u64>,
    playback: watch::Receiver<u64>,
    moved: watch::Receiver<u64>,
}

struct Sender {
    clip: watch::Sender<u64>,
    playback: watch::Sender<u64>,
    moved: watch::Sender<u64>,
}

impl News {
    /// Listens as long as the program runs. On SQLite nothing is heard.
    pub fn listen(db: &Db, shutdown: &Shutdown) -> Self {
        let sender = Sender {
            clip: watch::Sender::new(0),
            playback: watch::Sender::new(0),
            moved: watch::Sender::new(0),
        };
        let news = Self {
            clip: sender.clip.subscribe(),
            playback: sender.playback.subscribe(),
            moved: sender.moved.subscribe(),
        };
        let (db, finishing) = (db.clone(), shutdown.clone());
        shutdown.spawn("news", async move {
            tokio::select! {
                () = finishing.finishing() => {}
                () = sender.pass_on(&db) => {}
            }
        });
        news
    }

    /// Changes when another process appended to a log.
    pub fn appended(&self, log: Log) -> watch::Receiver<u64> {
        match log {
            Log::Clip => self.clip.clone(),
            Log::Playback => self.playback.clone(),
        }
    }

    /// Changes when a projection moved in another process.
    pub fn moved(&self) -> watch::Receiver<u64> {
        self.moved.clone()
    }
}

impl Sender {
    async fn pass_on(&self, db: &Db) {
        let Some(pool) = db.server() else {
            return std::future::pending().await;
        };
        loop {
            if let Err(error) = self.hear(&pool).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "news are not heard; polling goes on"
                );
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Hears until the connection is lost. What was told meanwhile is not known, so everybody looks.
    async fn hear(&self, pool: &sqlx::PgPool) -> Result<(), StorageError> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        loop {
            for sender in [&self.clip, &self.playback, &self.moved] {
                sender.send_modify(|count| *count += 1);
            }
            while let Some(news) = listener.try_recv().await? {
                let about = match news.payload() {
                    "clip" => &self.clip,
                    "playback" => &self.playback,
                    _ => &self.moved,
                };
                about.send_modify(|count| *count += 1);
            }
        }
    }
}
