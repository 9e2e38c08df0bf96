//! Still pictures, made when the rungs are whole. A clip without them still plays, so that nothing here fails an
//! encoding.

use std::path::Path;
use std::time::Instant;

use clipper_domain::Quality;
use clipper_domain::clip::WorkStep;
use clipper_domain::plan::PlannedRung;

use super::attempt::{Attempt, Task, describe, stage};
use super::failure::Broken;
use crate::encode::{self, Inspected, MadeThumbnails, Rendition, ThumbnailError};
use crate::hls::Container;

/// Why there are none.
#[derive(Debug, thiserror::Error)]
enum NoThumbnails {
    #[error(transparent)]
    Unmade(#[from] ThumbnailError),
    #[error("the pictures could not be stored")]
    Disk(#[from] std::io::Error),
    #[error("the pictures could not be recorded")]
    Unrecorded(#[from] Broken),
}

impl Attempt<'_> {
    /// Makes and records them, unless an earlier attempt has.
    pub(super) async fn provide_thumbnails(&self, task: &Task, passed: &[(PlannedRung, Inspected)]) {
        if task.encoding.thumbnails {
            return;
        }
        let started = Instant::now();
        match self.make_thumbnails(passed).await {
            Ok(()) => stage("thumbnails", started),
            Err(error) => {
                metrics::counter!("clipper_thumbnails_failed_total").increment(1);
                tracing::warn!(clip = %self.claim.clip, reason = describe(&error), "no poster and no storyboard");
            }
        }
    }

    async fn make_thumbnails(&self, passed: &[(PlannedRung, Inspected)]) -> Result<(), NoThumbnails> {
        let work = self.work().await?;
        let rung = |(rung, inspected): &(PlannedRung, Inspected)| self.rendition(rung, inspected, &work);
        let (Some(small), Some(large)) = (small(passed).map(rung), large(passed).map(rung)) else {
            return Ok(());
        };
        let media = &self.settings.media;
        let made = encode::thumbnails(&self.settings.tools, &work, &small, &large).await?;
        let MadeThumbnails {
            thumbnails,
            files,
            storyboard,
        } = made;
        for file in files {
            media
                .put_file(&format!("{}/{file}", self.folder()), &work.join(file))
                .await?;
        }
        let list = format!("{}/{}", self.folder(), encode::STORYBOARD);
        media.put(&list, storyboard).await?;
        self.execute(WorkStep::RecordThumbnails(thumbnails)).await?;
        Ok(())
    }

    fn rendition(&self, rung: &PlannedRung, inspected: &Inspected, work: &Path) -> Rendition {
        Rendition {
            folder: self.settings.media.lent(&self.object(rung), work),
            container: encode::container(rung),
            segments: inspected.segments.clone(),
            width: rung.width,
            height: rung.height,
        }
    }
}

/// The rung whose key frames are read the fastest.
fn small(passed: &[(PlannedRung, Inspected)]) -> Option<&(PlannedRung, Inspected)> {
    passed
        .iter()
        .min_by_key(|(rung, _)| (is_fragmented(rung), rung.quality))
}

/// The best rung that is no larger than pages show a poster.
fn large(passed: &[(PlannedRung, Inspected)]) -> Option<&(PlannedRung, Inspected)> {
    let fits = |(rung, _): &&(PlannedRung, Inspected)| !is_fragmented(rung) && rung.quality <= Quality::P1080;
    passed
        .iter()
        .filter(fits)
        .max_by_key(|(rung, _)| rung.quality)
        .or_else(|| small(passed))
}

fn is_fragmented(rung: &PlannedRung) -> bool {
    encode::container(rung) == Container::Fmp4
}
