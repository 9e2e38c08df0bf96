//! The last unit: every stored byte is read back, the rungs are checked against each other, and the whole is published.

use std::time::Instant;

use clipper_domain::clip::WorkStep;
use clipper_domain::plan::PlannedRung;

use super::attempt::{Attempt, Task, stage};
use super::failure::Broken;
use crate::encode::{self, InspectError, Inspected};
use crate::hls::{self, IFrameVariant, KeyFrames, MasterPlaylist, MasterVariant, SegmentNames, Severity};
use crate::media::MediaStore;

impl Attempt<'_> {
    pub(super) async fn publish(&self, task: &Task) -> Result<(), Broken> {
        let started = Instant::now();
        let mut passed = vec![];
        // Also those that an earlier attempt has published: the master playlist has to name them.
        for rung in task.encoding.standing_rungs() {
            match self.inspect(task, rung).await? {
                Ok(inspected) => passed.push((*rung, inspected)),
                Err(refused) => self.give_up(rung, &refused).await?,
            }
        }
        agree(&passed)?;
        stage("inspect", started);
        for (rung, inspected) in &passed {
            self.publish_rung(task, rung, inspected).await?;
        }
        self.write_master(&passed).await?;
        self.provide_thumbnails(task, &passed).await;
        self.execute(WorkStep::Finish).await?;
        self.settings.media.remove(&self.sound_folder()).await?;
        self.settings.media.discard_ahead(&task.source).await?;
        let waited = self.settings.clock.now() - self.claim.requested_at;
        metrics::histogram!("clipper_encode_time_ratio").record(waited.as_seconds_f64() / task.seconds());
        tracing::info!(clip = %self.claim.clip, "encoding done after {:.1} s", waited.as_seconds_f64());
        Ok(())
    }

    async fn inspect(
        &self,
        task: &Task,
        rung: &PlannedRung,
    ) -> Result<Result<Inspected, InspectError>, Broken> {
        let work = self.work().await?;
        let folder = self.settings.media.lend_folder(&self.object(rung), &work).await?;
        let (plan, rung) = (task.plan.clone(), *rung);
        let read = tokio::task::spawn_blocking(move || encode::inspect(&plan, &rung, &folder));
        read.await
            .map_err(|panicked| Broken::Disk(std::io::Error::other(panicked)))
    }

    pub(super) fn object(&self, rung: &PlannedRung) -> String {
        MediaStore::rendition_object(self.claim.clip, self.claim.generation, rung.quality)
    }

    async fn publish_rung(
        &self,
        task: &Task,
        rung: &PlannedRung,
        inspected: &Inspected,
    ) -> Result<(), Broken> {
        let object = self.object(rung);
        let playlist = inspected.tree_playlist(rung);
        self.settings
            .media
            .put(&format!("{object}/playlist.m3u8"), playlist)
            .await?;
        if let Some(key_frames) = KeyFrames::of(&inspected.segments) {
            let list = key_frames.playlist(encode::container(rung), SegmentNames::Tree);
            self.settings
                .media
                .put(&format!("{object}/iframes.m3u8"), list.render())
                .await?;
        }
        for finding in &inspected.advice {
            tracing::debug!(clip = %self.claim.clip, quality = %rung.quality, rule = finding.rule, "{}", finding.message);
        }
        let variant = inspected.variant(&task.plan, rung, object);
        self.execute(WorkStep::PublishVariant(variant)).await?;
        Ok(())
    }

    /// The master playlist of the media layout, for any static server. Ours is rendered from the read model.
    async fn write_master(&self, passed: &[(PlannedRung, Inspected)]) -> Result<(), Broken> {
        if passed.is_empty() {
            return Ok(());
        }
        let uri = |rung: &PlannedRung, list: &str| format!("{}/{list}.m3u8", rung.quality.path());
        let variants: Vec<_> = passed
            .iter()
            .map(|(rung, inspected)| MasterVariant::of(uri(rung, "playlist"), &inspected.facts))
            .collect();
        let i_frames: Vec<_> = passed
            .iter()
            .filter_map(|(rung, inspected)| {
                let key_frames = KeyFrames::of(&inspected.segments)?;
                let list = key_frames.playlist(encode::container(rung), SegmentNames::Tree);
                let facts = &inspected.facts;
                let size = (facts.width, facts.height);
                Some(IFrameVariant::of(
                    uri(rung, "iframes"),
                    &list,
                    &facts.codecs,
                    size,
                ))
            })
            .collect();
        let object = format!("{}/master.m3u8", self.folder());
        let master = MasterPlaylist {
            variants: &variants,
            i_frames: &i_frames,
            subtitles: &[],
        }
        .render();
        Ok(self.settings.media.put(&object, master).await?)
    }
}

fn agree(passed: &[(PlannedRung, Inspected)]) -> Result<(), Broken> {
    let facts: Vec<_> = passed
        .iter()
        .map(|(_, inspected)| inspected.facts.clone())
        .collect();
    match hls::validate_set(&facts)
        .into_iter()
        .find(|finding| finding.severity == Severity::Must)
    {
        Some(finding) => Err(Broken::Disagreement(format!(
            "{}: {}",
            finding.rule, finding.message
        ))),
        None => Ok(()),
    }
}
