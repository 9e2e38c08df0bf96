//! The janitor: removes what uploads and attempts left that nobody has touched for a while.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;

use super::supervisor::{Health, Ping, supervise};
use crate::clock::Clock;
use crate::media::MediaStore;
use crate::shutdown::Shutdown;

const ROUND: Duration = Duration::from_mins(5);

/// Keeps the media store tidy.
#[derive(Clone)]
pub struct Janitor {
    media: MediaStore,
    clock: Arc<dyn Clock>,
    untouched_for: Duration,
}

impl Janitor {
    /// Starts the janitor; what was not touched for this long is nobody's any more.
    pub(crate) fn start(
        media: MediaStore,
        clock: Arc<dyn Clock>,
        untouched_for: Duration,
        arbiter: &ArbiterHandle,
        health: &Health,
        shutdown: &Shutdown,
    ) {
        let janitor = Self {
            media,
            clock,
            untouched_for,
        };
        let arbiter = arbiter.clone();
        let start = move || {
            let janitor = janitor.clone();
            Self::start_in_arbiter(&arbiter, move |_| janitor)
        };
        drop(supervise("janitor", start, health.clone(), shutdown));
    }

    fn sweep(&self, context: &mut Context<Self>) {
        let Self {
            media,
            clock,
            untouched_for,
        } = self.clone();
        let sweep = async move {
            match media.sweep(clock.now().into(), untouched_for).await {
                Ok(0) => {}
                Ok(swept) => tracing::info!(swept, "removed what unfinished uploads and attempts left"),
                Err(error) => tracing::warn!(%error, "the media store could not be swept"),
            }
        };
        context.spawn(sweep.into_actor(self));
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
