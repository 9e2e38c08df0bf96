//! Encoding of uploads that are still arriving, beside the requests that bring them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clipper_domain::Quality;
use clipper_domain::plan::{PlanSettings, plan};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use uuid::Uuid;

use crate::encode::{Tools, ahead};
use crate::media::Upload;
use crate::shutdown::Shutdown;

/// Uploads whose beginnings are encoded at once in this process: those that are complete come first.
const AT_ONCE: usize = 1;
/// An upload that stands still keeps its turn for this long.
const PATIENCE: Duration = Duration::from_mins(2);

/// The encodings of uploads that are still arriving.
#[derive(Clone)]
pub struct Ahead {
    tools: Tools,
    settings: PlanSettings,
    qualities: Vec<Quality>,
    tasks: Shutdown,
    slots: Arc<Semaphore>,
    /// Held for a look-up only.
    uploads: Arc<Mutex<HashMap<Uuid, State>>>,
}

enum State {
    /// Its index comes last, or something else stands against it.
    Refused,
    Running(Running),
}

struct Running {
    available: watch::Sender<u64>,
    folder: PathBuf,
    /// Dropped, it ends the work.
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

/// Resolves when nothing has arrived for a while.
async fn silence(mut arriving: watch::Receiver<u64>) {
    while let Ok(Ok(())) = tokio::time::timeout(PATIENCE, arriving.changed()).await {}
}

impl Ahead {
    /// Encodes what these settings and rungs would make of an upload. Without encoders in this process, nothing.
    pub(crate) fn new(
        tools: Tools,
        settings: PlanSettings,
        qualities: Vec<Quality>,
        has_encoders: bool,
        tasks: Shutdown,
    ) -> Self {
        Self {
            tools,
            settings,
            qualities,
            tasks,
            slots: Arc::new(Semaphore::new(if has_encoders { AT_ONCE } else { 0 })),
            uploads: Arc::default(),
        }
    }

    /// Hears how far an upload has come, and begins when its index is there.
    pub async fn look(&self, upload: &Upload) {
        let id = upload.facts.id;
        // A part of a file plays by itself no more than one whose end nobody knows.
        if upload.facts.clip.is_none() || upload.facts.length.is_none() {
            return;
        }
        if self.tell(id, upload.saved()) || upload.saved() == 0 {
            return;
        }
        match ahead::index_comes_first(&upload.path(), upload.saved()).await {
            Ok(Some(true)) => self.begin(upload),
            Ok(Some(false)) => self.set(id, State::Refused),
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "an upload cannot be looked at"),
        }
    }

    /// Passes the news on; true, when nothing is to be begun.
    fn tell(&self, id: Uuid, available: u64) -> bool {
        let Ok(uploads) = self.uploads.lock() else {
            return true;
        };
        match uploads.get(&id) {
            Some(State::Running(running)) => {
                running.available.send_if_modified(|known| {
                    let more = available > *known;
                    *known = available.max(*known);
                    more
                });
                true
            }
            Some(State::Refused) => true,
            None => false,
        }
    }

    fn set(&self, id: Uuid, state: State) {
        if let Ok(mut uploads) = self.uploads.lock() {
            uploads.insert(id, state);
        }
    }

    fn begin(&self, upload: &Upload) {
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            return;
        };
        let (available, arriving) = watch::channel(upload.saved());
        let (stop, stopped) = oneshot::channel();
        let (done, ended) = oneshot::channel();
        let (source, folder) = (upload.path(), upload.ahead());
        let work = self.clone().work(source, folder.clone(), arriving, slot);
        self.tasks.spawn("encoding ahead", async move {
            tokio::select! {
                () = work => {}
                _ = stopped => {}
            }
            drop(done);
        });
        let running = Running {
            available,
            folder,
            stop,
            ended,
        };
        self.set(upload.facts.id, State::Running(running));
    }

    async fn work(
        self,
        source: PathBuf,
        folder: PathBuf,
        arriving: watch::Receiver<u64>,
        _slot: OwnedSemaphorePermit,
    ) {
        let plan_of =
            |facts: &clipper_domain::source::SourceFacts| plan(facts, &self.qualities, self.settings);
        let finishing = self.tasks.clone();
        let abandoned = silence(arriving.clone());
        let work = ahead::encode(&self.tools, &source, &folder, plan_of, arriving);
        tokio::select! {
            ended = work => if let Err(error) = ended {
                tracing::debug!(error = &error as &dyn std::error::Error, "nothing more is encoded ahead");
            },
            () = abandoned => tracing::debug!("an upload stands still, others have their turn"),
            () = finishing.finishing() => {}
        }
    }

    /// Ends the work on an upload, and gives the folder with what was made.
    pub async fn finish(&self, id: Uuid) -> Option<PathBuf> {
        let state = self.uploads.lock().ok()?.remove(&id)?;
        let State::Running(running) = state else {
            return None;
        };
        drop(running.stop);
        // The work drops its sender when it has ended.
        drop(running.ended.await);
        let made = tokio::fs::try_exists(&running.folder).await.unwrap_or_default();
        made.then_some(running.folder)
    }

    /// Ends the work on an upload that is not wanted any more.
    pub async fn stop(&self, id: Uuid) {
        drop(self.finish(id).await);
    }
}
