//! The webhook actor: tells endpoints what happens to clips, at least once, in order of each clip.
//!
//! One process does it at a time, under a lease. What was sent and not yet written down when a process dies is sent
//! again by the next one, under the same name.

mod attempt;
mod round;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::sync::watch;

use self::attempt::attempt;
use self::round::{Found, Standing, round};
use super::supervisor::{Health, Ping, supervise};
use crate::clock::Clock;
use crate::shutdown::Shutdown;
use crate::storage::news::News;
use crate::storage::webhooks::{Delivery, Endpoint};
use crate::storage::{Db, Log, LogWriter, Logs, StorageError, leases};
use crate::webhooks::Sender;

/// Ended attempts report themselves: room for all that run at once.
const MAILBOX: usize = 64;
/// How soon events of other processes are seen when no news of them comes, and retries when they are due.
const POLL: Duration = Duration::from_millis(500);

/// What webhooks are told from and sent with.
#[derive(Clone)]
pub(crate) struct WebhookSettings {
    pub(crate) db: Db,
    pub(crate) logs: Logs,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sender: Sender,
    /// This process.
    pub(crate) node: String,
}

/// A clip as an endpoint is told of it: what happened to it goes out one by one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Lane {
    endpoint: String,
    clip: String,
}

impl Lane {
    fn of(delivery: &Delivery) -> Self {
        Self {
            endpoint: delivery.endpoint_id.clone(),
            clip: delivery.clip_id.clone(),
        }
    }
}

/// The actor.
pub(crate) struct Webhooks {
    settings: WebhookSettings,
    tasks: Shutdown,
    standing: Standing,
    busy: HashSet<Lane>,
}

/// Looks for what is to be told.
#[derive(Message)]
#[rtype(result = "()")]
struct Wake;

/// An attempt has ended.
#[derive(Message)]
#[rtype(result = "()")]
struct Ended(Lane);

impl Webhooks {
    /// Starts the actor.
    pub(crate) fn start_supervised(
        settings: &WebhookSettings,
        clip_log: &LogWriter,
        news: &News,
        arbiter: &ArbiterHandle,
        health: &Health,
        shutdown: &Shutdown,
    ) {
        let (settings, arbiter, tasks) = (settings.clone(), arbiter.clone(), shutdown.clone());
        let start = move || {
            let actor = Self {
                settings: settings.clone(),
                tasks: tasks.clone(),
                standing: Standing::default(),
                busy: HashSet::new(),
            };
            Self::start_in_arbiter(&arbiter, move |context| {
                context.set_mailbox_capacity(MAILBOX);
                actor
            })
        };
        let address = supervise("webhooks", start, health.clone(), shutdown);
        let (mut appended, mut told, finishing) =
            (clip_log.head(), news.appended(Log::Clip), shutdown.clone());
        shutdown.spawn("webhook nudge", async move {
            loop {
                let changed = tokio::select! {
                    () = finishing.finishing() => return,
                    changed = appended.changed() => changed,
                    changed = told.changed() => changed,
                };
                if changed.is_err() {
                    return;
                }
                nudge(&address);
            }
        });
    }

    fn act(&mut self, found: Found, context: &mut Context<Self>) {
        if found.more {
            drop(context.address().try_send(Wake));
        }
        for (endpoint, delivery) in found.due {
            self.begin(endpoint, delivery, context);
        }
    }

    /// Runs as a tracked task, so that one that waits for its endpoint holds nobody up.
    fn begin(&mut self, endpoint: Endpoint, delivery: Delivery, context: &mut Context<Self>) {
        let lane = Lane::of(&delivery);
        if !self.busy.insert(lane.clone()) {
            return;
        }
        let (settings, actor) = (self.settings.clone(), context.address());
        self.tasks.spawn("webhook delivery", async move {
            attempt(&settings, &endpoint, &delivery).await;
            if actor.send(Ended(lane)).await.is_err() {
                tracing::debug!("the webhook actor was replaced: it keeps no lanes");
            }
        });
    }
}

/// A full mailbox has a waking message in it already.
fn nudge(address: &watch::Receiver<Addr<Webhooks>>) {
    let actor = address.borrow().clone();
    drop(actor.try_send(Wake));
}

impl Actor for Webhooks {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.run_interval(POLL, |_, context| drop(context.address().try_send(Wake)));
    }
}

impl Handler<Ping> for Webhooks {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Context<Self>) {}
}

impl Handler<Wake> for Webhooks {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, _: Wake, _: &mut Context<Self>) -> Self::Result {
        if self.tasks.is_finishing() {
            let resign = resign(self.settings.clone(), std::mem::take(&mut self.standing));
            return AtomicResponse::new(Box::pin(resign.into_actor(self)));
        }
        let round = round(
            self.settings.clone(),
            std::mem::take(&mut self.standing),
            self.busy.clone(),
        );
        AtomicResponse::new(Box::pin(round.into_actor(self).map(
            |(standing, result), actor, context| {
                actor.standing = standing;
                match result {
                    Ok(found) => actor.act(found, context),
                    Err(StorageError::Busy(_)) => {}
                    Err(error) => {
                        tracing::error!(error = &error as &dyn std::error::Error, "webhooks stand still");
                    }
                }
            },
        )))
    }
}

impl Handler<Ended> for Webhooks {
    type Result = ();

    fn handle(&mut self, Ended(lane): Ended, context: &mut Context<Self>) {
        self.busy.remove(&lane);
        drop(context.address().try_send(Wake));
    }
}

/// Gives the lease up, so that another process need not wait for it to run out.
async fn resign(settings: WebhookSettings, standing: Standing) {
    if let (Some(lease), Ok(now)) = (standing.lease, settings.now().await) {
        drop(leases::give_back(&settings.db, &lease, now).await);
    }
}

impl WebhookSettings {
    /// The time that leases and retries are reckoned in.
    async fn now(&self) -> Result<chrono::DateTime<chrono::Utc>, StorageError> {
        self.db.now(self.clock.as_ref()).await
    }
}
