//! A range of segments: the start rung's first segment before anything else, then every rung from one decode.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use clipper_domain::Quality;
use clipper_domain::clip::WorkStep;
use clipper_domain::plan::PlannedRung;
use tokio::sync::{mpsc, watch};

use super::attempt::{Attempt, Task, describe, stage};
use super::failure::Broken;
use crate::encode::ahead::Ahead;
use crate::encode::{self, Cut, Job, Lane, Pass, Sound};
use crate::hls::SegmentNames;
use crate::storage::leases;

/// Segments that wait for the next step. Each may have ten megabytes.
const WAITING: usize = 4;
/// How often another worker's sound is looked for.
const LOOK: Duration = Duration::from_millis(200);

impl Attempt<'_> {
    pub(super) async fn encode_range(&self, task: &Task) -> Result<(), Broken> {
        let started = Instant::now();
        let work = self.work().await?;
        let source = self.settings.media.lend(&task.source, &work).await?;
        let job = Job {
            source: &source,
            facts: &task.facts,
            plan: &task.plan,
            begins: encode::beginning(&self.settings.tools, &source, &task.facts).await?,
            work: &work,
            small: task.encoding.unit(self.claim.unit).starved,
        };
        self.remove_unrecorded(task).await?;
        let bit_rates = Sound::bit_rates(job);
        let (whole, is_whole) = watch::channel(false);
        let stored = self.sound_is_stored(&bit_rates).await?;
        let makes_sound = self.claim.unit == 0 && !stored;
        let sound_folder = if makes_sound {
            work.clone()
        } else {
            self.settings.media.lent(&self.sound_folder(), &work)
        };
        let sound = Sound::new(&sound_folder, &bit_rates, is_whole);
        let (cuts, mut cut) = mpsc::channel(WAITING);
        let (segments, finished) = mpsc::channel(WAITING);
        tokio::try_join!(
            self.provide_sound(job, &bit_rates, makes_sound, whole),
            self.make_pictures(job, task, cuts),
            async {
                encode::finish(job, &sound, &mut cut, segments).await?;
                Ok(())
            },
            self.keep_segments(task, finished),
        )?;
        stage("range", started);
        self.execute(WorkStep::CompleteUnit).await?;
        self.record_speed(started, task);
        Ok(())
    }

    /// What an earlier attempt stored and did not record makes way: nobody has seen it.
    async fn remove_unrecorded(&self, task: &Task) -> Result<(), Broken> {
        for rung in task.encoding.open_rungs() {
            let present = self.settings.media.names(&self.object(rung)).await?;
            for number in task.encoding.lacking(rung, self.claim.unit) {
                if present.contains(&Self::segment_name(rung, number)) {
                    self.settings
                        .media
                        .remove(&self.segment_object(rung, number))
                        .await?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn sound_folder(&self) -> String {
        format!("{}/sound", self.folder())
    }

    fn sound_object(&self, kbps: u32) -> String {
        format!("{}/{}", self.sound_folder(), Sound::file_name(kbps))
    }

    async fn sound_is_stored(&self, bit_rates: &BTreeSet<u32>) -> Result<bool, Broken> {
        for kbps in bit_rates {
            if !self.settings.media.exists(&self.sound_object(*kbps)).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Encodes the sound of the whole clip, or waits until whoever does has done so.
    async fn provide_sound(
        &self,
        job: Job<'_>,
        bit_rates: &BTreeSet<u32>,
        make: bool,
        whole: watch::Sender<bool>,
    ) -> Result<(), Broken> {
        if make && !bit_rates.is_empty() {
            encode::encode_sound(&self.settings.tools, job, bit_rates, self.settings.loudness).await?;
            for kbps in bit_rates {
                let file = job.work.join(Sound::file_name(*kbps));
                self.settings
                    .media
                    .put_file(&self.sound_object(*kbps), &file)
                    .await?;
            }
        }
        while !self.sound_is_stored(bit_rates).await? {
            let opening = self.claim.opening_lease();
            if !leases::is_held(&self.settings.db, &opening, self.settings.now().await?).await? {
                return Err(Broken::SoundGone);
            }
            tokio::time::sleep(LOOK).await;
        }
        if !make {
            for kbps in bit_rates {
                self.settings
                    .media
                    .lend(&self.sound_object(*kbps), job.work)
                    .await?;
            }
        }
        whole.send_replace(true);
        Ok(())
    }

    /// Runs ffmpeg as often as it takes: for the copy, for the very first segment, for all that is left.
    async fn make_pictures(&self, job: Job<'_>, task: &Task, cuts: mpsc::Sender<Cut>) -> Result<(), Broken> {
        for rung in task.encoding.open_rungs().filter(|rung| rung.copied) {
            if !task.encoding.lacking(rung, self.claim.unit).is_empty() {
                self.copy(job, rung, &cuts).await?;
            }
        }
        let mut lacking = self.take_from_ahead(task, &cuts).await;
        let opens = |(rung, missing): &&mut (PlannedRung, BTreeSet<u32>)| {
            let start = job.plan.start_rung().map(|start| start.quality);
            Some(rung.quality) == start && missing.contains(&0)
        };
        if let Some((rung, missing)) = lacking.iter_mut().find(opens) {
            let lane = Lane {
                rung: *rung,
                first: 0,
                end: 1,
            };
            // While the first segment is made, it is seen whether all rungs are worth their while.
            let (made, useless) = tokio::join!(
                self.pass(job, "first", vec![lane], &cuts),
                encode::useless(&self.settings.tools, job, &job.plan.rungs)
            );
            made?;
            missing.remove(&0);
            let useless = useless.unwrap_or_default();
            self.skip(&useless).await?;
            lacking.retain(|(rung, _)| !useless.contains(&rung.quality));
        }
        let lane = |(rung, missing): &(PlannedRung, BTreeSet<u32>)| {
            Some(Lane {
                rung: *rung,
                first: *missing.first()?,
                end: job.plan.range(self.claim.unit).end,
            })
        };
        let mut lanes: Vec<Lane> = lacking.iter().filter_map(lane).collect();
        // ffmpeg reports the pictures of its first output only. One that begins later than the others would seem to stand
        // still for as long as they take to get there.
        lanes.sort_by_key(|lane| lane.first);
        if !lanes.is_empty() {
            self.pass(job, "range", lanes, &cuts).await?;
        }
        Ok(())
    }

    async fn skip(&self, useless: &[Quality]) -> Result<(), Broken> {
        for quality in useless {
            tracing::info!(clip = %self.claim.clip, %quality, "skipped: it would show no more than a smaller rung");
            self.execute(WorkStep::SkipVariant { quality: *quality }).await?;
        }
        Ok(())
    }

    /// Takes what was encoded while the source was uploaded, and tells what each rung lacks after that.
    async fn take_from_ahead(
        &self,
        task: &Task,
        cuts: &mpsc::Sender<Cut>,
    ) -> Vec<(PlannedRung, BTreeSet<u32>)> {
        let folder = self.settings.media.ahead(&task.source);
        let ahead = Ahead::open(&folder, &task.plan).await;
        let mut lacking = vec![];
        for rung in task.encoding.open_rungs().filter(|rung| !rung.copied) {
            let mut missing: BTreeSet<u32> =
                task.encoding.lacking(rung, self.claim.unit).into_iter().collect();
            if let Some(ahead) = &ahead {
                let sent = ahead.replay(&folder, rung, &missing, cuts).await;
                tracing::debug!(clip = %self.claim.clip, quality = %rung.quality, segments = sent.len(), "made ahead");
                missing.retain(|number| !sent.contains(number));
            }
            lacking.push((*rung, missing));
        }
        lacking
    }

    async fn copy(&self, job: Job<'_>, rung: &PlannedRung, cuts: &mpsc::Sender<Cut>) -> Result<(), Broken> {
        let lane = Lane {
            rung: *rung,
            first: 0,
            end: job.plan.segment_count(),
        };
        match self.pass(job, "copy", vec![lane], cuts).await {
            Err(Broken::Pass(error)) => Err(Broken::CopyInvalid {
                quality: rung.quality,
                reason: describe(&error),
            }),
            ended => ended,
        }
    }

    async fn pass(
        &self,
        job: Job<'_>,
        name: &'static str,
        lanes: Vec<Lane>,
        cuts: &mpsc::Sender<Cut>,
    ) -> Result<(), Broken> {
        let started = Instant::now();
        let pass = Pass {
            lanes,
            name: name.to_owned(),
        };
        let range = job.plan.range(self.claim.unit);
        let milliseconds = |segment| job.plan.ticks(job.plan.start_of(segment)) / 90;
        let length = (milliseconds(range.end) - milliseconds(range.start)).max(1);
        #[expect(clippy::cast_precision_loss, reason = "milliseconds stay far below 2^52")]
        let on_time = |out_ms: u64| {
            // Time stamps in the middle of a clip count from its beginning.
            let done = out_ms.saturating_sub(milliseconds(range.start));
            self.progress.set((done as f64 / length as f64).min(0.99));
        };
        encode::run(&self.settings.tools, job, &pass, cuts, on_time).await?;
        stage(name, started);
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "ticks stay far below 2^52")]
    fn record_speed(&self, started: Instant, task: &Task) {
        let range = task.plan.range(self.claim.unit);
        let ticks = |segment| task.plan.ticks(task.plan.start_of(segment));
        let seconds = (ticks(range.end) - ticks(range.start)) as f64 / 90_000.0;
        let ratio = seconds / started.elapsed().as_secs_f64().max(0.001);
        for rung in &task.plan.rungs {
            metrics::histogram!("clipper_encode_speed_ratio", "quality" => rung.quality.label())
                .record(ratio);
        }
        let (clip, unit) = (self.claim.clip, self.claim.unit);
        tracing::info!(%clip, unit, elapsed = ?started.elapsed(), "range done: {ratio:.2} × real time");
    }

    pub(super) fn segment_object(&self, rung: &PlannedRung, number: u32) -> String {
        format!("{}/{}", self.object(rung), Self::segment_name(rung, number))
    }

    fn segment_name(rung: &PlannedRung, number: u32) -> String {
        SegmentNames::Tree.segment(number as usize, encode::container(rung))
    }
}
