//! Tasks that are tracked, and the two steps in which they end: first finish, then drop.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Everything that runs in the background, and the two signals that end it.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    finish: CancellationToken,
    drop: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    /// Nothing runs yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a task under a name. The second step drops it where it waits.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let drop = self.drop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = drop.cancelled() => tracing::debug!(task = name, "dropped"),
                () = task => tracing::debug!(task = name, "ended"),
            }
        });
    }

    /// Resolves when nothing new should be begun.
    pub async fn finishing(&self) {
        self.finish.cancelled().await;
    }

    /// Whether nothing new should be begun.
    pub fn is_finishing(&self) -> bool {
        self.finish.is_cancelled()
    }

    /// Asks for the first step.
    pub fn finish(&self) {
        self.finish.cancel();
    }

    /// Waits until every task has ended, and drops what is left when the time is over or `hurry` resolves.
    pub async fn complete(&self, patience: Duration, hurry: impl Future<Output = ()>) {
        self.finish();
        self.tasks.close();
        tokio::select! {
            () = self.tasks.wait() => return,
            () = hurry => {}
            () = tokio::time::sleep(patience) => {}
        }
        tracing::warn!(tasks = self.tasks.len(), "dropping what has not ended");
        self.abandon().await;
    }

    /// Drops every task where it waits.
    pub async fn abandon(&self) {
        self.finish();
        self.drop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
