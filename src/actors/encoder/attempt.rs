//! One attempt at an encoding, from the lease to the last command.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clipper_domain::clip::ClipCommand;
use clipper_domain::plan::{Plan, PlannedRung};
use clipper_domain::source::SourceFacts;
use clipper_domain::{Quality, Variant};

use super::failure::{Broken, classify};
use super::lease::{self, Progress};
use super::{Claim, EncoderSettings};
use crate::commands::{CommandContext, CommandError, Executed};
use crate::encode::{self, Inspected, Job, ProbeError};
use crate::hls::{self, MasterVariant, Severity};
use crate::media::MediaStore;
use crate::storage::leases;

/// An attempt under way.
struct Attempt<'a> {
    settings: &'a EncoderSettings,
    claim: &'a Claim,
    progress: &'a Progress,
}

/// What there is to do.
struct Task {
    source: PathBuf,
    facts: SourceFacts,
    plan: Plan,
    missing: Vec<Quality>,
}

/// Runs an attempt to its end, whatever that is. The lease is given back, so that a retry need not wait for it.
pub(super) async fn run(settings: &EncoderSettings, claim: Claim) {
    let progress = Progress::default();
    let attempt = Attempt {
        settings,
        claim: &claim,
        progress: &progress,
    };
    tracing::info!(clip = %claim.clip, generation = claim.generation, token = claim.lease.token, "encoding begins");
    let lost = tokio::select! {
        ended = attempt.run() => {
            if let Err(broken) = ended {
                attempt.report(&broken).await;
            }
            false
        }
        () = lease::keep(settings, &claim.lease, &progress) => true,
    };
    if lost {
        tracing::warn!(clip = %claim.clip, token = claim.lease.token, "lease lost, attempt abandoned");
        metrics::counter!("clipper_leases_expired_total").increment(1);
    } else if let Err(error) = leases::give_back(&settings.db, &claim.lease, settings.clock.now()).await {
        tracing::warn!(clip = %claim.clip, error = &error as &dyn std::error::Error, "lease runs out by itself");
    }
}

impl Attempt<'_> {
    async fn run(&self) -> Result<(), Broken> {
        let Some(task) = self.prepare().await? else {
            return Ok(());
        };
        let started = Instant::now();
        let work = self
            .settings
            .media
            .begin_work(self.claim.clip, self.claim.generation, self.token())
            .await?;
        let job = Job {
            source: &task.source,
            facts: &task.facts,
            plan: &task.plan,
            work: &work,
        };
        encode::transcode(&self.settings.tools, job, &task.missing, |share| {
            self.progress.set(share);
        })
        .await?;
        stage("transcode", started);
        self.publish_all(job, &task.missing).await?;
        self.execute(ClipCommand::FinishEncoding {
            generation: self.claim.generation,
            token: self.token(),
        })
        .await?;
        tokio::fs::remove_dir_all(&work).await?;
        self.record_speed(started, &task);
        Ok(())
    }

    /// Announces the attempt and makes sure that there is a plan; nothing, when there is nothing to do.
    async fn prepare(&self) -> Result<Option<Task>, Broken> {
        let generation = self.claim.generation;
        let start = ClipCommand::StartEncoding {
            generation,
            token: self.token(),
            worker: self.settings.node.clone(),
        };
        let begun = match self.execute(start).await {
            // The queue was behind: the encoding has ended, or another worker was faster.
            Err(Broken::Command(CommandError::Refused(_))) => return Ok(None),
            begun => begun?,
        };
        let Some(source) = begun
            .clip
            .source()
            .map(|source| self.settings.media.path(&source.object))
        else {
            return Ok(None);
        };
        let planned = if begun
            .clip
            .encoding()
            .is_some_and(|encoding| encoding.plan.is_some())
        {
            begun
        } else {
            self.probe(&source).await?
        };
        let (Some(encoding), Some(facts)) = (planned.clip.encoding(), planned.clip.facts()) else {
            return Ok(None);
        };
        let Some(plan) = encoding.plan.clone().filter(|_| !encoding.ended) else {
            return Ok(None);
        };
        Ok(Some(Task {
            source,
            facts: facts.clone(),
            missing: encoding.missing(),
            plan,
        }))
    }

    async fn probe(&self, source: &Path) -> Result<Executed, Broken> {
        let started = Instant::now();
        let (generation, token) = (self.claim.generation, self.token());
        let command = match encode::probe(&self.settings.tools, source).await {
            Ok(facts) => ClipCommand::RecordProbe {
                generation,
                token,
                facts,
                settings: self.settings.plan,
            },
            Err(ProbeError::Rejected(rejection)) => ClipCommand::RejectSource {
                generation,
                token,
                rejection,
            },
            Err(ProbeError::Failed(error)) => return Err(error.into()),
        };
        stage("probe", started);
        self.execute(command).await
    }

    /// Checks every rung, then all of them against each other, and only then publishes, from small to large.
    async fn publish_all(&self, job: Job<'_>, missing: &[Quality]) -> Result<(), Broken> {
        let started = Instant::now();
        let mut passed = vec![];
        for rung in job
            .plan
            .rungs
            .iter()
            .filter(|rung| missing.contains(&rung.quality))
        {
            match encode::inspect(job, rung).await {
                Ok(inspected) => passed.push((rung, inspected)),
                Err(refused) => self.give_up(rung.quality, &refused).await?,
            }
        }
        agree(&passed)?;
        stage("inspect", started);
        for (rung, inspected) in &passed {
            self.publish(job, rung, inspected).await?;
        }
        self.write_master(&passed).await
    }

    async fn publish(&self, job: Job<'_>, rung: &PlannedRung, inspected: &Inspected) -> Result<(), Broken> {
        let (clip, generation) = (self.claim.clip, self.claim.generation);
        let folder = encode::rung_dir(job, rung.quality);
        tokio::fs::write(folder.join("playlist.m3u8"), inspected.tree_playlist()).await?;
        tokio::fs::remove_file(folder.join("ffmpeg.m3u8")).await?;
        let object = MediaStore::rendition_object(clip, generation, rung.quality);
        self.settings.media.publish(&folder, &object).await?;
        for finding in &inspected.advice {
            tracing::debug!(%clip, quality = %rung.quality, rule = finding.rule, "{}", finding.message);
        }
        let variant: Variant = inspected.variant(rung, object, job.plan.rate_of(rung));
        self.execute(ClipCommand::PublishVariant {
            generation,
            token: self.token(),
            variant,
        })
        .await?;
        Ok(())
    }

    async fn give_up(&self, quality: Quality, refused: &encode::InspectError) -> Result<(), Broken> {
        let clip = self.claim.clip;
        tracing::error!(%clip, %quality, error = refused as &dyn std::error::Error, "rendition refused");
        let reason = describe(refused);
        let (generation, token) = (self.claim.generation, self.token());
        self.execute(ClipCommand::GiveUpVariant {
            generation,
            token,
            quality,
            reason,
        })
        .await?;
        Ok(())
    }

    /// The master playlist of the media layout, for any static server. Ours is rendered from the read model.
    async fn write_master(&self, passed: &[(&PlannedRung, Inspected)]) -> Result<(), Broken> {
        if passed.is_empty() {
            return Ok(());
        }
        let uri = |rung: &PlannedRung| format!("{}/playlist.m3u8", rung.quality.path());
        let variants: Vec<_> = passed
            .iter()
            .map(|(rung, inspected)| MasterVariant::of(uri(rung), &inspected.facts))
            .collect();
        let object = format!("{}/{}/master.m3u8", self.claim.clip, self.claim.generation);
        Ok(self
            .settings
            .media
            .write(&object, &hls::render_master(&variants))
            .await?)
    }

    async fn execute(&self, command: ClipCommand) -> Result<Executed, Broken> {
        let worker = format!("worker:{}", self.settings.node);
        let context = match &self.claim.request {
            Some(request) => CommandContext::following(request, worker),
            None => CommandContext::once(worker),
        };
        Ok(self
            .settings
            .clips
            .execute(self.claim.clip, command, context)
            .await?)
    }

    fn token(&self) -> i64 {
        self.claim.lease.token
    }

    /// Tells the clip why the attempt broke off, unless the clip itself broke it off.
    async fn report(&self, broken: &Broken) {
        let clip = self.claim.clip;
        let Some(failure) = classify(broken) else {
            tracing::warn!(%clip, error = broken as &dyn std::error::Error, "attempt ended");
            return;
        };
        tracing::error!(%clip, code = failure.code, class = ?failure.class, "encoding failed: {}", failure.detail);
        let (generation, token) = (self.claim.generation, self.token());
        let command = ClipCommand::FailEncoding {
            generation,
            token,
            failure,
            at: self.settings.clock.now(),
        };
        if let Err(error) = self.execute(command).await {
            tracing::error!(%clip, error = &error as &dyn std::error::Error, "failure not recorded, the lease will run out");
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "milliseconds stay far below 2^52")]
    fn record_speed(&self, started: Instant, task: &Task) {
        let seconds = task.facts.duration_ms as f64 / 1_000.0;
        let ratio = seconds / started.elapsed().as_secs_f64().max(0.001);
        for quality in &task.missing {
            metrics::histogram!("clipper_encode_speed_ratio", "quality" => quality.label()).record(ratio);
        }
        let waited = self.settings.clock.now() - self.claim.requested_at;
        metrics::histogram!("clipper_time_to_playable_seconds").record(waited.as_seconds_f64());
        let clip = self.claim.clip;
        tracing::info!(%clip, elapsed = ?started.elapsed(), "encoding done: {ratio:.2} × real time");
    }
}

/// What a rung was refused for, with its causes.
fn describe(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn agree(passed: &[(&PlannedRung, Inspected)]) -> Result<(), Broken> {
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

fn stage(name: &'static str, started: Instant) {
    metrics::histogram!("clipper_encode_duration_seconds", "stage" => name)
        .record(started.elapsed().as_secs_f64());
}
