//! The actor that follows a log for one projection, and has the read model made anew when that is due.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix::prelude::*;
use clipper_projections::Projection;
use tokio::sync::watch;

use super::Followed;
use super::look::{Pace, Seen, Standing, look};
use crate::actors::supervisor::Ping;
use crate::shutdown::Shutdown;
use crate::storage::rebuild::{self, Bench};
use crate::storage::{StorageError, leases};

const MAILBOX: usize = 4;
/// How soon events of other processes are seen when no news of them comes.
const POLL: Duration = Duration::from_millis(250);
/// How soon a rebuild that broke off is tried again.
const SECOND_THOUGHTS: Duration = Duration::from_secs(20);

/// Follows a log for one projection.
pub(super) struct Follower {
    projection: &'static Projection,
    followed: Followed,
    tasks: Shutdown,
    moved: Arc<watch::Sender<i64>>,
    standing: Standing,
    /// Whether this process makes the read model anew at the moment.
    rebuilding: Arc<AtomicBool>,
}

/// Looks whether the log has grown.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Wake;

/// Gives up the projection and ends.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Resign;

impl Follower {
    /// A follower that has not looked yet.
    pub(super) fn new(
        projection: &'static Projection,
        followed: Followed,
        moved: Arc<watch::Sender<i64>>,
        tasks: Shutdown,
    ) -> Self {
        Self {
            projection,
            standing: Standing::new(followed.ambition),
            followed,
            tasks,
            moved,
            rebuilding: Arc::default(),
        }
    }

    pub(super) fn start_on(self, arbiter: &ArbiterHandle) -> Addr<Self> {
        Self::start_in_arbiter(arbiter, move |context| {
            context.set_mailbox_capacity(MAILBOX);
            self
        })
    }
}

impl Actor for Follower {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.run_interval(POLL, |_, context| drop(context.address().try_send(Wake)));
    }
}

impl Handler<Ping> for Follower {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Context<Self>) {}
}

impl Handler<Wake> for Follower {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, _: Wake, _: &mut Context<Self>) -> Self::Result {
        let look = look(self.projection, self.followed.clone(), self.standing.clone());
        AtomicResponse::new(Box::pin(look.into_actor(self).map(
            |(standing, result), actor, context| {
                actor.standing = standing;
                match result {
                    Ok(seen) => actor.act(&seen, context),
                    Err(error) => actor.report(&error),
                }
            },
        )))
    }
}

impl Handler<Resign> for Follower {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, _: Resign, context: &mut Context<Self>) -> Self::Result {
        let (db, clock) = (self.followed.db.clone(), Arc::clone(&self.followed.clock));
        let lease = self.standing.lease.take();
        context.stop();
        let resign = async move {
            if let (Some(lease), Ok(now)) = (lease, db.now(clock.as_ref()).await) {
                drop(leases::give_back(&db, &lease, now).await);
            }
        };
        AtomicResponse::new(Box::pin(resign.into_actor(self)))
    }
}

impl Follower {
    fn act(&mut self, seen: &Seen, context: &mut Context<Self>) {
        self.moved.send_replace(seen.position);
        if seen.more {
            drop(context.address().try_send(Wake));
        }
        if let Some(rebuild) = seen.rebuild {
            self.rebuild(rebuild);
        }
    }

    /// Runs as a tracked task beside the actor, which goes on following.
    fn rebuild(&mut self, pace: Pace) {
        if self.rebuilding.swap(true, Ordering::SeqCst) {
            return;
        }
        self.standing.rebuild_after = Instant::now() + SECOND_THOUGHTS;
        let (projection, followed, rebuilding) = (
            self.projection,
            self.followed.clone(),
            Arc::clone(&self.rebuilding),
        );
        let finishing = self.tasks.clone();
        self.tasks.spawn("rebuild", async move {
            let bench = Bench {
                db: &followed.db,
                logs: &followed.logs,
                clock: &*followed.clock,
                holder: &followed.node,
            };
            tracing::info!(projection = projection.name, "rebuild begins");
            let outcome = tokio::select! {
                outcome = rebuild::rebuild(bench, projection, pace.events_per_second, |_| {}) => outcome.map(Some),
                // It goes on where it was, here or elsewhere.
                () = finishing.finishing() => rebuild::abandon(bench, projection).await.map(|()| None),
            };
            match outcome {
                Ok(position) => tracing::info!(projection = projection.name, position, "rebuild ended"),
                Err(error) => tracing::error!(
                    projection = projection.name,
                    error = &error as &dyn std::error::Error,
                    "rebuild broke off; the old rows go on serving"
                ),
            }
            rebuilding.store(false, Ordering::SeqCst);
        });
    }

    /// The next look tries again, from the checkpoint as it then stands.
    fn report(&mut self, error: &StorageError) {
        self.standing.position = None;
        if !matches!(
            error,
            StorageError::CheckpointMoved { .. } | StorageError::Busy(_)
        ) {
            tracing::error!(
                projection = self.projection.name,
                error = error as &dyn std::error::Error,
                "projection stands still"
            );
        }
    }
}
