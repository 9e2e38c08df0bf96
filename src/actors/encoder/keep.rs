//! Storing finished segments and telling the clip about them, so that players may have them at once.

use std::collections::BTreeSet;
use std::time::Duration;

use clipper_domain::clip::{ClipEvent, WorkStep};
use clipper_domain::plan::PlannedRung;
use clipper_domain::{Quality, Run};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::attempt::{Attempt, Task, describe};
use super::failure::Broken;
use crate::encode::{FinishedSegment, InspectError, Refused};
use crate::storage::leases;

/// Segments that come close together are told together.
const TOGETHER: Duration = Duration::from_millis(1_500);

/// Segments that are stored and not yet told.
#[derive(Default)]
struct Untold {
    runs: Vec<Run>,
    told: Option<Instant>,
}

impl Untold {
    fn add(&mut self, segment: FinishedSegment) {
        let quality = segment.rung.quality;
        let next = |run: &&mut Run| {
            run.quality == quality
                && run.first_segment as usize + run.segments.len() == segment.number as usize
        };
        match self.runs.iter_mut().find(next) {
            Some(run) => run.segments.push(segment.segment),
            None => self.runs.push(Run {
                quality,
                first_segment: segment.number,
                segments: vec![segment.segment],
                codec: segment.codec,
            }),
        }
    }

    /// When they must be told at the latest; never, while there is nothing to tell.
    fn due(&self) -> Option<Instant> {
        let begun = self.told.unwrap_or_else(Instant::now);
        (!self.runs.is_empty()).then(|| begun + TOGETHER)
    }
}

impl Attempt<'_> {
    /// Stores segments as they come until there are no more.
    pub(super) async fn keep_segments(
        &self,
        task: &Task,
        mut finished: mpsc::Receiver<Result<FinishedSegment, Refused>>,
    ) -> Result<(), Broken> {
        let mut untold = Untold::default();
        let mut given_up: BTreeSet<Quality> = BTreeSet::new();
        loop {
            let next = match untold.due() {
                Some(due) => timeout_at(due, finished.recv()).await,
                None => Ok(finished.recv().await),
            };
            match next {
                Ok(Some(Ok(segment))) if given_up.contains(&segment.rung.quality) => {}
                Ok(Some(Ok(segment))) => {
                    let first = segment.number == 0;
                    if self.keep(task, &segment).await? {
                        untold.add(segment);
                    }
                    if first {
                        self.tell(&mut untold).await?;
                    }
                }
                Ok(Some(Err(refused))) => {
                    self.give_up(&refused.rung, &refused.error).await?;
                    given_up.insert(refused.rung.quality);
                    untold.runs.retain(|run| run.quality != refused.rung.quality);
                }
                Ok(None) => return self.tell(&mut untold).await,
                Err(_elapsed) => self.tell(&mut untold).await?,
            }
        }
    }

    /// Stores a segment, unless an earlier attempt has recorded it.
    async fn keep(&self, task: &Task, segment: &FinishedSegment) -> Result<bool, Broken> {
        let (rung, number) = (&segment.rung, segment.number);
        let recorded = task.encoding.stored.get(&rung.quality);
        if recorded.is_some_and(|recorded| recorded.contains(&number)) {
            return Ok(false);
        }
        let object = self.segment_object(rung, number);
        if let Some(init) = segment.init.as_ref().filter(|_| number == 0) {
            let init_object = format!("{}/init.mp4", self.object(rung));
            self.settings.media.put(&init_object, init.clone()).await?;
        }
        if self
            .settings
            .media
            .put_new(&object, segment.bytes.clone())
            .await?
        {
            return Ok(true);
        }
        // A late worker that lost its lease has been here, or this one is late: only who holds the lease may go on.
        let until = self.settings.now().await? + self.settings.lease;
        if !leases::renew(&self.settings.db, &self.claim.lease, 0.0, until).await? {
            return Err(Broken::LeaseLost);
        }
        self.settings.media.put(&object, segment.bytes.clone()).await?;
        Ok(true)
    }

    async fn tell(&self, untold: &mut Untold) -> Result<(), Broken> {
        if untold.runs.is_empty() {
            return Ok(());
        }
        let step = WorkStep::RecordSegments {
            runs: std::mem::take(&mut untold.runs),
            folder: self.folder(),
        };
        untold.told = Some(Instant::now());
        let told = self.execute(step).await?;
        let playable = |event: &ClipEvent| matches!(event, ClipEvent::VariantPlayable { .. });
        if told.events.iter().any(playable) && told.clip.encoding().is_some_and(|e| e.stored.len() == 1) {
            let waited = self.settings.clock.now() - self.claim.requested_at;
            metrics::histogram!("clipper_time_to_playable_seconds").record(waited.as_seconds_f64());
        }
        Ok(())
    }

    /// What is wrong with a copy is the source's; what is wrong with an encoded rung costs that rung.
    pub(super) async fn give_up(&self, rung: &PlannedRung, refused: &InspectError) -> Result<(), Broken> {
        let (clip, quality) = (self.claim.clip, rung.quality);
        let reason = describe(refused);
        if rung.copied {
            return Err(Broken::CopyInvalid { quality, reason });
        }
        tracing::error!(%clip, %quality, reason, "rendition refused");
        self.execute(WorkStep::GiveUpVariant { quality, reason }).await?;
        Ok(())
    }
}
