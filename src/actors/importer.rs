//! The importer: fetches sources from elsewhere. The row says what is to be done; whoever has the lease does it, and
//! when its process dies another one fetches anew.

mod fetch;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use chrono::{DateTime, TimeDelta, Utc};
use clipper_domain::ClipId;

use self::fetch::import;
use super::intake::Entrance;
use super::supervisor::{Health, Ping, supervise};
use crate::clock::Clock;
use crate::outbound::Outbound;
use crate::shutdown::Shutdown;
use crate::storage::imports::{self, Import};
use crate::storage::leases::{self, Lease};
use crate::storage::{Db, StorageError};

const MAILBOX: usize = 16;
const POLL: Duration = Duration::from_secs(1);
/// Fetches at the same time in one process.
const AT_ONCE: usize = 4;
/// How long a silent process keeps the others away.
const LEASE: TimeDelta = TimeDelta::seconds(15);

/// What imports are fetched with.
#[derive(Clone)]
pub(crate) struct ImportSettings {
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) outbound: Outbound,
    pub(crate) entrance: Entrance,
    /// The largest source in bytes.
    pub(crate) max_bytes: u64,
    /// The longest that one may take to arrive.
    pub(crate) patience: Duration,
    /// This process.
    pub(crate) node: String,
}

impl ImportSettings {
    /// The time that leases and retries are reckoned in.
    async fn now(&self) -> Result<DateTime<Utc>, StorageError> {
        self.db.now(self.clock.as_ref()).await
    }
}

/// The actor.
pub(crate) struct Importer {
    settings: ImportSettings,
    tasks: Shutdown,
    busy: HashSet<ClipId>,
}

/// Looks for what is to be fetched.
#[derive(Message)]
#[rtype(result = "()")]
struct Wake;

/// A fetch has ended.
#[derive(Message)]
#[rtype(result = "()")]
struct Ended(ClipId);

/// A source to be fetched, and the lease on it.
struct Claimed {
    clip: ClipId,
    import: Import,
    lease: Lease,
}

impl Importer {
    /// Starts the actor.
    pub(crate) fn start_supervised(
        settings: &ImportSettings,
        arbiter: &ArbiterHandle,
        health: &Health,
        shutdown: &Shutdown,
    ) {
        let (settings, arbiter, tasks) = (settings.clone(), arbiter.clone(), shutdown.clone());
        let start = move || {
            let actor = Self {
                settings: settings.clone(),
                tasks: tasks.clone(),
                busy: HashSet::new(),
            };
            Self::start_in_arbiter(&arbiter, move |context| {
                context.set_mailbox_capacity(MAILBOX);
                actor
            })
        };
        drop(supervise("importer", start, health.clone(), shutdown));
    }

    fn begin(&mut self, claimed: Claimed, context: &mut Context<Self>) {
        let clip = claimed.clip;
        self.busy.insert(clip);
        let (settings, actor, finishing) = (self.settings.clone(), context.address(), self.tasks.clone());
        self.tasks.spawn("import", async move {
            tokio::select! {
                () = import(&settings, &claimed) => {}
                // It is fetched anew, here or elsewhere.
                () = finishing.finishing() => {}
            }
            if let Ok(now) = settings.now().await {
                drop(leases::give_back(&settings.db, &claimed.lease, now).await);
            }
            if actor.send(Ended(clip)).await.is_err() {
                tracing::debug!("the importer was replaced");
            }
        });
    }
}

/// Takes what waits and nobody is at.
async fn claim(settings: ImportSettings, busy: HashSet<ClipId>) -> Result<Vec<Claimed>, StorageError> {
    let mut claimed = vec![];
    let room = AT_ONCE.saturating_sub(busy.len());
    if room == 0 {
        return Ok(claimed);
    }
    let now = settings.now().await?;
    for import in imports::due(&settings.db, now, 100).await? {
        let Ok(clip) = import.clip_id.parse::<ClipId>() else {
            continue;
        };
        if busy.contains(&clip) || claimed.len() == room {
            continue;
        }
        let resource = format!("import/{}", import.clip_id);
        let lease = leases::take(&settings.db, &resource, &settings.node, 0, (now, now + LEASE)).await?;
        claimed.extend(lease.map(|lease| Claimed { clip, import, lease }));
    }
    Ok(claimed)
}

impl Actor for Importer {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.run_interval(POLL, |_, context| drop(context.address().try_send(Wake)));
    }
}

impl Handler<Ping> for Importer {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Context<Self>) {}
}

impl Handler<Wake> for Importer {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, _: Wake, _: &mut Context<Self>) -> Self::Result {
        if self.tasks.is_finishing() {
            return AtomicResponse::new(Box::pin(fut::ready(())));
        }
        let claim = claim(self.settings.clone(), self.busy.clone());
        AtomicResponse::new(Box::pin(claim.into_actor(self).map(
            |claimed, actor, context| match claimed {
                Ok(claimed) => {
                    for claimed in claimed {
                        actor.begin(claimed, context);
                    }
                }
                Err(StorageError::Busy(_)) => {}
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "imports stand still");
                }
            },
        )))
    }
}

impl Handler<Ended> for Importer {
    type Result = ();

    fn handle(&mut self, Ended(clip): Ended, context: &mut Context<Self>) {
        self.busy.remove(&clip);
        drop(context.address().try_send(Wake));
    }
}
