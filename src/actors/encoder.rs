//! Encoder actors: each takes a lease on a unit of work, runs it, keeps the lease alive and reports through commands.

mod attempt;
mod failure;
mod keep;
mod lease;
mod publish;
mod range;
mod thumbnails;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix::prelude::*;
use chrono::{DateTime, TimeDelta, Utc};
use clipper_domain::ClipId;
use clipper_domain::plan::PlanSettings;
use clipper_projections::encoding_queue;
use tokio::sync::{oneshot, watch};

use super::clip::Clips;
use super::supervisor::{Health, Ping, supervise};
use crate::clock::Clock;
use crate::encode::Tools;
use crate::media::MediaStore;
use crate::shutdown::Shutdown;
use crate::storage::leases::{self, Lease};
use crate::storage::{Db, Log, Logs, StorageError, StoredEvent};

const MAILBOX: usize = 4;
const POLL: Duration = Duration::from_secs(1);
/// Waiting encodings that one look considers; others may take the first ones meanwhile.
const CANDIDATES: i64 = 8;

/// Everything an encoder works with.
#[derive(Clone)]
pub struct EncoderSettings {
    /// The database, for queue and leases.
    pub db: Db,
    /// The way to the clips.
    pub clips: Clips,
    /// Where sources and renditions lie.
    pub media: MediaStore,
    /// ffmpeg and its limits.
    pub tools: Tools,
    /// What plans depend on.
    pub plan: PlanSettings,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// This process.
    pub node: String,
    /// How long a lease lasts without renewal.
    pub lease: TimeDelta,
    /// How loud sound is made, in LUFS (EBU R 128); as it is, when absent.
    pub loudness: Option<f64>,
}

impl EncoderSettings {
    /// The time that leases and retries are reckoned in.
    async fn now(&self) -> Result<DateTime<Utc>, StorageError> {
        self.db.now(self.clock.as_ref()).await
    }
}

/// The encoders of this process.
#[derive(Clone, Debug)]
pub struct EncoderPool {
    busy: Arc<AtomicUsize>,
    size: usize,
}

impl EncoderPool {
    /// Starts this many encoders on the arbiter. `queue` changes whenever the queue does.
    pub fn start(
        size: usize,
        settings: &EncoderSettings,
        queue: Option<&watch::Receiver<i64>>,
        arbiter: &ArbiterHandle,
        health: &Health,
        shutdown: &Shutdown,
    ) -> Self {
        let pool = Self {
            busy: Arc::default(),
            size,
        };
        for _ in 0..size {
            let address = pool.start_one(settings.clone(), arbiter.clone(), health, shutdown);
            if let Some(queue) = queue {
                shutdown.spawn("encoder nudge", nudge(queue.clone(), address, shutdown.clone()));
            }
        }
        pool
    }

    fn start_one(
        &self,
        settings: EncoderSettings,
        arbiter: ArbiterHandle,
        health: &Health,
        shutdown: &Shutdown,
    ) -> watch::Receiver<Addr<Encoder>> {
        let (busy, tasks) = (Arc::clone(&self.busy), shutdown.clone());
        let start = move || {
            let (settings, busy, tasks) = (settings.clone(), Arc::clone(&busy), tasks.clone());
            Encoder::start_in_arbiter(&arbiter, move |context| {
                context.set_mailbox_capacity(MAILBOX);
                Encoder {
                    settings,
                    busy,
                    tasks,
                    working: false,
                }
            })
        };
        supervise("encoder", start, health.clone(), shutdown)
    }

    /// How many encoders are at work.
    pub fn busy(&self) -> usize {
        self.busy.load(Ordering::Relaxed)
    }

    /// How many encoders there are.
    pub fn size(&self) -> usize {
        self.size
    }
}

async fn nudge(mut queue: watch::Receiver<i64>, address: watch::Receiver<Addr<Encoder>>, shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.finishing() => return,
            changed = queue.changed() => if changed.is_err() { return },
        }
        let encoder = address.borrow().clone();
        drop(encoder.try_send(Look));
    }
}

struct Encoder {
    settings: EncoderSettings,
    busy: Arc<AtomicUsize>,
    tasks: Shutdown,
    working: bool,
}

/// A piece of work whose lease is held.
struct Claim {
    clip: ClipId,
    generation: u32,
    unit: u32,
    lease: Lease,
    requested_at: DateTime<Utc>,
    /// The event that asked for it.
    request: Option<StoredEvent>,
}

impl Claim {
    /// A name for the work, which its folder has.
    fn piece(&self) -> String {
        format!("{}-{}-{}", self.clip, self.generation, self.unit)
    }

    /// The lease on the first unit of the encoding.
    fn opening_lease(&self) -> String {
        let end = self.lease.resource.rfind('/').unwrap_or_default();
        format!("{}/0", self.lease.resource.get(..end).unwrap_or_default())
    }
}

/// Looks for work.
#[derive(Message)]
#[rtype(result = "()")]
struct Look;

impl Actor for Encoder {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.run_interval(POLL, |_, context| drop(context.address().try_send(Look)));
    }
}

impl Handler<Ping> for Encoder {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Context<Self>) {}
}

impl Handler<Look> for Encoder {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, _: Look, _: &mut Context<Self>) -> Self::Result {
        let idle = !self.working && !self.tasks.is_finishing();
        let settings = self.settings.clone();
        let look = async move { if idle { claim(&settings).await } else { Ok(None) } };
        AtomicResponse::new(Box::pin(look.into_actor(self).map(
            |claimed, actor, context| match claimed {
                Ok(Some(claim)) => actor.work(claim, context),
                Ok(None) => {}
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the queue cannot be read"
                ),
            },
        )))
    }
}

impl Encoder {
    /// Runs the work as a tracked task beside the actor, which goes on answering its heartbeat.
    fn work(&mut self, claim: Claim, context: &mut Context<Self>) {
        self.working = true;
        self.busy.fetch_add(1, Ordering::Relaxed);
        let (done, finished) = oneshot::channel::<()>();
        let settings = self.settings.clone();
        self.tasks.spawn("encoding", async move {
            // Dropped with the task, whatever ends it.
            let _done = done;
            Box::pin(attempt::run(&settings, claim)).await;
        });
        let wait = async move { drop(finished.await) };
        context.spawn(wait.into_actor(self).map(|(), actor, context| {
            actor.working = false;
            actor.busy.fetch_sub(1, Ordering::Relaxed);
            drop(context.address().try_send(Look));
        }));
    }
}

async fn claim(settings: &EncoderSettings) -> Result<Option<Claim>, StorageError> {
    let now = settings.now().await?;
    for waiting in settings.db.all(encoding_queue::waiting(now, CANDIDATES)).await? {
        let (Ok(clip), Ok(generation), Ok(unit)) = (
            waiting.clip_id.parse(),
            u32::try_from(waiting.generation),
            u32::try_from(waiting.unit),
        ) else {
            continue;
        };
        let until = now + settings.lease;
        let taken = leases::take(
            &settings.db,
            &waiting.lease,
            &settings.node,
            waiting.token,
            (now, until),
        )
        .await?;
        if let Some(lease) = taken {
            return Ok(Some(Claim {
                clip,
                generation,
                unit,
                lease,
                requested_at: waiting.requested_at,
                request: Logs::new(settings.db.clone())
                    .at(Log::Clip, waiting.position)
                    .await?,
            }));
        }
    }
    Ok(None)
}
