//! Projector actors: one per projection, which follows a log from its checkpoint.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use clipper_projections::{PROJECTIONS, Projection};
use tokio::sync::watch;

use super::supervisor::{Health, Ping, supervise};
use crate::clock::Clock;
use crate::shutdown::Shutdown;
use crate::storage::{Db, Log, LogWriter, Logs, StorageError, follow, rebuild};

const MAILBOX: usize = 4;
/// How soon events of other processes are seen.
const POLL: Duration = Duration::from_millis(250);
/// Pages that are applied before other messages get their turn.
const PAGES: usize = 8;

/// The way to the projections: where each stands in this process.
#[derive(Clone)]
pub struct Projectors {
    positions: Arc<HashMap<&'static str, watch::Receiver<i64>>>,
}

/// What projectors follow and write.
#[derive(Clone)]
pub(crate) struct Followed {
    pub(crate) db: Db,
    pub(crate) logs: Logs,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Projectors {
    /// Starts every projection on this arbiter.
    pub(crate) fn start(
        followed: &Followed,
        clip_log: &LogWriter,
        playback_log: &LogWriter,
        arbiter: &ArbiterHandle,
        health: &Health,
        shutdown: &Shutdown,
    ) -> Self {
        let start = |projection: &'static Projection| {
            let head = match follow::log_of(projection) {
                Log::Clip => clip_log.head(),
                Log::Playback => playback_log.head(),
            };
            (
                projection.name,
                start_one(projection, followed.clone(), head, arbiter, health, shutdown),
            )
        };
        Self {
            positions: Arc::new(PROJECTION_LIST.iter().map(start).collect()),
        }
    }

    /// Waits until a projection has applied a position; false, when that takes too long. A caller then reads what is
    /// there: the write stands all the same.
    pub async fn wait_for(&self, projection: &str, position: i64) -> bool {
        let Some(receiver) = self.positions.get(projection) else {
            return false;
        };
        let mut receiver = receiver.clone();
        let reached = receiver.wait_for(|reached| *reached >= position);
        tokio::time::timeout(Duration::from_secs(2), reached)
            .await
            .is_ok_and(|reached| reached.is_ok())
    }

    /// A channel that changes whenever a projection moves.
    pub fn moves(&self, projection: &str) -> Option<watch::Receiver<i64>> {
        self.positions.get(projection).cloned()
    }
}

static PROJECTION_LIST: [Projection; 4] = PROJECTIONS;

fn start_one(
    projection: &'static Projection,
    followed: Followed,
    head: watch::Receiver<i64>,
    arbiter: &ArbiterHandle,
    health: &Health,
    shutdown: &Shutdown,
) -> watch::Receiver<i64> {
    let (moved, position) = watch::channel(0);
    let moved = Arc::new(moved);
    let arbiter = arbiter.clone();
    let start = move || {
        let (followed, moved) = (followed.clone(), Arc::clone(&moved));
        Projector::start_in_arbiter(&arbiter, move |context| {
            context.set_mailbox_capacity(MAILBOX);
            Projector {
                projection,
                followed,
                moved,
                position: None,
            }
        })
    };
    let address = supervise(projection.name, start, health.clone(), shutdown);
    shutdown.spawn("projector nudge", nudge(head, address, shutdown.clone()));
    position
}

/// Wakes the projector when its log grows. A full mailbox has a waking message in it already.
async fn nudge(
    mut head: watch::Receiver<i64>,
    address: watch::Receiver<Addr<Projector>>,
    shutdown: Shutdown,
) {
    loop {
        tokio::select! {
            () = shutdown.finishing() => return,
            changed = head.changed() => if changed.is_err() { return },
        }
        let projector = address.borrow().clone();
        drop(projector.try_send(Wake));
    }
}

struct Projector {
    projection: &'static Projection,
    followed: Followed,
    moved: Arc<watch::Sender<i64>>,
    /// The checkpoint; nothing before it was read, and after another process moved it.
    position: Option<i64>,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Wake;

impl Actor for Projector {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.run_interval(POLL, |_, context| drop(context.address().try_send(Wake)));
    }
}

impl Handler<Ping> for Projector {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Context<Self>) {}
}

impl Handler<Wake> for Projector {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, _: Wake, _: &mut Context<Self>) -> Self::Result {
        let work = catch_up(self.projection, self.followed.clone(), self.position);
        AtomicResponse::new(Box::pin(work.into_actor(self).map(
            |result, actor, context| match result {
                Ok(Reached { position, more }) => {
                    actor.position = Some(position);
                    actor.moved.send_replace(position);
                    if more {
                        drop(context.address().try_send(Wake));
                    }
                }
                Err(error) => actor.report(&error),
            },
        )))
    }
}

impl Projector {
    /// The next poll tries again, from the checkpoint as it then stands.
    fn report(&mut self, error: &StorageError) {
        self.position = None;
        if !matches!(
            error,
            StorageError::CheckpointMoved { .. } | StorageError::Busy(_)
        ) {
            let name = self.projection.name;
            tracing::error!(
                projection = name,
                error = error as &dyn std::error::Error,
                "projection stands still"
            );
        }
    }
}

struct Reached {
    position: i64,
    more: bool,
}

async fn catch_up(
    projection: &'static Projection,
    followed: Followed,
    position: Option<i64>,
) -> Result<Reached, StorageError> {
    let Followed { db, logs, clock } = followed;
    let mut position = match position {
        Some(position) => position,
        None => begin(projection, &db, &logs, &*clock).await?,
    };
    let mut more = true;
    for _ in 0..PAGES {
        let reached = follow::advance(&db, &logs, projection, position, clock.now()).await?;
        more = reached != position;
        position = reached;
        if !more {
            break;
        }
    }
    Ok(Reached { position, more })
}

/// Reads the checkpoint. Rows of another version are replaced first; the old ones serve until then.
async fn begin(
    projection: &'static Projection,
    db: &Db,
    logs: &Logs,
    clock: &dyn Clock,
) -> Result<i64, StorageError> {
    let checkpoint = follow::begin(db, projection, clock.now()).await?;
    if checkpoint.version == i64::from(projection.version) {
        return Ok(checkpoint.position);
    }
    tracing::info!(
        projection = projection.name,
        version = projection.version,
        "projection has changed: rebuilding"
    );
    rebuild::rebuild(db, logs, projection, clock.now(), |_, _| {}).await?;
    let rebuilt = follow::checkpoint(db, projection).await?;
    Ok(rebuilt.map_or(0, |checkpoint| checkpoint.position))
}
