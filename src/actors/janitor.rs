//! The janitor: sweeps away media of deleted clips and media that nobody names any more, leases and answers that were kept long enough, and
//! reports whose retention is over.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use chrono::TimeDelta;
use clipper_domain::Quality;
use clipper_projections::storage_usage;

use super::supervisor::{Health, Ping, supervise};
use crate::clock::Clock;
use crate::commands::ClipCommands;
use crate::gc::{Action, Gc, GcError, Purge};
use crate::media::MediaStore;
use crate::shutdown::Shutdown;
use crate::storage::{Db, Logs, StorageError, idempotency, leases, rejects, retention, viewers, webhooks};

const ROUND: Duration = Duration::from_mins(5);
/// For how long a generation stays that plays no more.
const GRACE: TimeDelta = TimeDelta::hours(24);
/// The lease on the media store, which also sees to it that it is gone through every third round only.
const GC: &str = "janitor/media";
const LEASE: TimeDelta = TimeDelta::minutes(14);
/// For how long leases that ran out are remembered: they say which owner was served when.
const REMEMBERED: TimeDelta = TimeDelta::days(1);

/// For how long it can be seen how deliveries to endpoints went.
const DELIVERIES_KEPT: TimeDelta = TimeDelta::days(30);

/// Keeps the stores tidy.
#[derive(Clone)]
pub struct Janitor {
    pub(crate) media: MediaStore,
    pub(crate) db: Db,
    pub(crate) logs: Logs,
    pub(crate) clock: Arc<dyn Clock>,
    /// The way to the clips.
    pub(crate) commands: ClipCommands,
    /// This process.
    pub(crate) node: String,
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
            janitor.media.uploads.close_idle();
            if let Err(error) = janitor.sweep_media().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the media store could not be swept"
                );
            }
            if let Err(error) = janitor.sweep_database().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the database could not be swept"
                );
            }
        };
        context.spawn(sweep.into_actor(self));
    }

    /// Removes from the media store what the log names no more. One process at a time does it, and each what lies on its
    /// own machine.
    async fn sweep_media(&self) -> Result<(), GcError> {
        self.media.tidy().await?;
        let now = self.db.now(self.clock.as_ref()).await?;
        let until = now + LEASE;
        let gc = Gc {
            media: &self.media,
            logs: &self.logs,
            now,
            grace: GRACE,
            action: Action::Tidy,
        };
        if leases::take(&self.db, GC, &self.node, 0, (now, until))
            .await?
            .is_none()
        {
            if self.media.is_shared() {
                gc.run_here().await?;
            }
            return Ok(());
        }
        let purge = Purge {
            media: &self.media,
            clips: &self.commands,
            actor: "janitor",
        };
        purge.due(&self.db, now).await?;
        let total = gc.run().await?.total();
        if total.objects > 0 {
            tracing::info!(
                objects = total.objects,
                bytes = total.bytes,
                "removed what is left over"
            );
        }
        metrics::counter!("clipper_gc_removed_bytes_total").increment(total.bytes);
        Ok(())
    }

    async fn sweep_database(&self) -> Result<(), StorageError> {
        let now = self.clock.now();
        idempotency::sweep(&self.db, now).await?;
        rejects::sweep(&self.db, now).await?;
        viewers::sweep(&self.db, now).await?;
        webhooks::sweep(&self.db, now - DELIVERIES_KEPT).await?;
        leases::sweep(&self.db, now - REMEMBERED).await?;
        self.weigh().await?;
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

impl Janitor {
    /// Too much to be asked at every look at the metrics.
    #[expect(clippy::cast_precision_loss, reason = "gauges are floating-point numbers")]
    async fn weigh(&self) -> Result<(), StorageError> {
        let stored = self.db.all(storage_usage::by_quality()).await?;
        let labels = Quality::ALL.map(Quality::label);
        for quality in labels.into_iter().chain([storage_usage::SOURCE]) {
            let row = stored.iter().find(|row| row.name == quality);
            metrics::gauge!("clipper_storage_bytes", "quality" => quality)
                .set(row.map_or(0.0, |row| row.bytes as f64));
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
