//! Projector actors: one per projection, which follows a log from its checkpoint.
//!
//! One process owns a projection at a time, under a lease; the others watch where it stands and take over when the owner
//! falls silent. The lease only saves work: what keeps two owners apart is the checkpoint, which one of them moves.

mod follower;
mod look;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use clipper_projections::{PROJECTIONS, Projection};
use tokio::sync::watch;

use self::follower::{Follower, Resign, Wake};
use super::supervisor::{Health, supervise};
use crate::clock::Clock;
use crate::shutdown::Shutdown;
use crate::storage::news::News;
use crate::storage::{Db, Log, LogWriter, Logs};

/// The way to the projections: where each stands.
#[derive(Clone)]
pub struct Projectors {
    positions: Arc<HashMap<&'static str, watch::Receiver<i64>>>,
    addresses: Arc<Vec<watch::Receiver<Addr<Follower>>>>,
}

/// What projectors follow and write.
#[derive(Clone)]
pub(crate) struct Followed {
    pub(crate) db: Db,
    pub(crate) logs: Logs,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) news: News,
    pub(crate) node: String,
    pub(crate) ambition: Ambition,
}

/// How a process comes to own projections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ambition {
    /// It takes them over when it starts. After a crash nobody waits for the dead process's leases, and after an upgrade
    /// the new program decides.
    Lead,
    /// It takes over what nobody owns.
    StandBy,
}

/// What wakes a projector in this process.
struct Wakers {
    appended: watch::Receiver<i64>,
    news: watch::Receiver<u64>,
    moved: watch::Receiver<u64>,
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
        let (mut positions, mut addresses) = (HashMap::new(), vec![]);
        for projection in &PROJECTIONS {
            let wakers = Wakers {
                appended: match projection.log {
                    Log::Clip => clip_log.head(),
                    Log::Playback => playback_log.head(),
                },
                news: followed.news.appended(projection.log),
                moved: followed.news.moved(),
            };
            let (position, address) = start_one(projection, followed, wakers, arbiter, health, shutdown);
            positions.insert(projection.name, position);
            addresses.push(address);
        }
        Self {
            positions: Arc::new(positions),
            addresses: Arc::new(addresses),
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
        tokio::time::timeout(Duration::from_secs(5), reached)
            .await
            .is_ok_and(|reached| reached.is_ok())
    }

    /// A channel that changes whenever a projection moves.
    pub fn moves(&self, projection: &str) -> Option<watch::Receiver<i64>> {
        self.positions.get(projection).cloned()
    }

    /// Gives up what this process owns, so that others need not wait for the leases to run out.
    pub(crate) async fn resign(&self) {
        for address in self.addresses.iter() {
            let projector = address.borrow().clone();
            drop(tokio::time::timeout(Duration::from_secs(1), projector.send(Resign)).await);
        }
    }
}

fn start_one(
    projection: &'static Projection,
    followed: &Followed,
    wakers: Wakers,
    arbiter: &ArbiterHandle,
    health: &Health,
    shutdown: &Shutdown,
) -> (watch::Receiver<i64>, watch::Receiver<Addr<Follower>>) {
    let (moved, position) = watch::channel(0);
    let moved = Arc::new(moved);
    let (arbiter, followed, tasks) = (arbiter.clone(), followed.clone(), shutdown.clone());
    let start = move || {
        Follower::new(projection, followed.clone(), Arc::clone(&moved), tasks.clone()).start_on(&arbiter)
    };
    let address = supervise(projection.name, start, health.clone(), shutdown);
    let nudge = nudge(wakers, address.clone(), shutdown.clone());
    shutdown.spawn("projector nudge", nudge);
    (position, address)
}

/// Wakes the projector when its log grows. A full mailbox has a waking message in it already.
async fn nudge(mut wakers: Wakers, address: watch::Receiver<Addr<Follower>>, shutdown: Shutdown) {
    loop {
        let changed = tokio::select! {
            () = shutdown.finishing() => return,
            changed = wakers.appended.changed() => changed,
            changed = wakers.news.changed() => changed,
            changed = wakers.moved.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
        let projector = address.borrow().clone();
        drop(projector.try_send(Wake));
    }
}
