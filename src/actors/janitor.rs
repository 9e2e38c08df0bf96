//! The janitor: sweeps away what unfinished uploads and attempts of dead workers left, answers that were kept long
//! enough, and reports whose retention is over.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;

use super::supervisor::{Health, Ping, supervise};
use crate::clock::Clock;
use crate::media::MediaStore;
use crate::shutdown::Shutdown;
use crate::storage::{Db, Logs, StorageError, idempotency, retention};

const ROUND: Duration = Duration::from_mins(5);

/// Keeps the stores tidy.
#[derive(Clone)]
pub struct Janitor {
    pub(crate) media: MediaStore,
    pub(crate) db: Db,
    pub(crate) logs: Logs,
    pub(crate) clock: Arc<dyn Clock>,
    /// Files that were not touched for this long are nobody's any more.
    pub(crate) untouched_for: Duration,
    /// Days for which reports are kept; 0 means for ever.
    pub(crate) playback_days: u32,
}

impl Janitor {
    /// Starts the janitor.
    pub(crate) fn start_supervised(self, arbiter: &ArbiterHandle, health: &Health, shutdown: &Shutdown) {
        let arbiter = arbiter.clone();
        let start = move || {
            let janitor = self.clone();
            Self::start_in_arbiter(&arbiter, move |_| janitor)
        };
        drop(supervise("janitor", start, health.clone(), shutdown));
    }

    fn sweep(&self, context: &mut Context<Self>) {
        let janitor = self.clone();
        let sweep = async move {
            janitor.sweep_media().await;
            if let Err(error) = janitor.sweep_database().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the database could not be swept"
                );
            }
        };
        context.spawn(sweep.into_actor(self));
    }

    async fn sweep_media(&self) {
        match self
            .media
            .sweep(self.clock.now().into(), self.untouched_for)
            .await
        {
            Ok(0) => {}
            Ok(swept) => tracing::info!(swept, "removed what unfinished uploads and attempts left"),
            Err(error) => tracing::warn!(%error, "the media store could not be swept"),
        }
    }

    async fn sweep_database(&self) -> Result<(), StorageError> {
        let now = self.clock.now();
        idempotency::sweep(&self.db, now).await?;
        retention::prepare(&self.db, now).await?;
        if self.playback_days > 0 {
            let forgotten = retention::forget(&self.db, &self.logs, self.playback_days, now).await?;
            if forgotten > 0 {
                tracing::info!(forgotten, "removed reports whose retention is over");
            }
            metrics::counter!("clipper_reports_forgotten_total").increment(forgotten.unsigned_abs());
        }
        Ok(())
    }
}

impl Actor for Janitor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        self.sweep(context);
        context.run_interval(ROUND, |janitor, context| janitor.sweep(context));
    }
}

impl Handler<Ping> for Janitor {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Context<Self>) {}
}
