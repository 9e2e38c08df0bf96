//! One attempt at a unit of work, from the lease to the last command.

use std::path::PathBuf;
use std::time::Instant;

use clipper_domain::clip::{ClipCommand, Encoding, Held, WorkStep};
use clipper_domain::plan::Plan;
use clipper_domain::source::SourceFacts;

use super::failure::{Broken, classify};
use super::lease::{self, Progress};
use super::{Claim, EncoderSettings};
use crate::commands::{CommandContext, CommandError, Executed};
use crate::encode::{self, ProbeError};
use crate::media::MediaStore;
use crate::storage::{StorageError, leases};

/// An attempt under way.
pub(super) struct Attempt<'a> {
    pub(super) settings: &'a EncoderSettings,
    pub(super) claim: &'a Claim,
    pub(super) progress: &'a Progress,
}

/// What there is to do.
pub(super) struct Task {
    /// Its object.
    pub(super) source: String,
    pub(super) facts: SourceFacts,
    pub(super) plan: Plan,
    pub(super) encoding: Encoding,
}

impl Task {
    /// The clip's duration.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds stay far below 2^52")]
    pub(super) fn seconds(&self) -> f64 {
        (self.facts.duration_ms.max(1) as f64) / 1_000.0
    }
}

/// Runs an attempt to its end, whatever that is. The lease is given back, so that a retry need not wait for it.
pub(super) async fn run(settings: &EncoderSettings, claim: Claim) {
    let progress = Progress::default();
    let attempt = Attempt {
        settings,
        claim: &claim,
        progress: &progress,
    };
    let (clip, unit, token) = (claim.clip, claim.unit, claim.lease.token);
    tracing::info!(%clip, generation = claim.generation, unit, token, "encoding begins");
    let outcome = tokio::select! {
        ended = attempt.run() => match ended {
            Ok(()) => "done",
            Err(broken) => {
                attempt.report(&broken).await;
                "failed"
            }
        },
        () = lease::keep(settings, &claim.lease, &progress) => "lost",
    };
    metrics::counter!("clipper_encode_attempts_total", "outcome" => outcome).increment(1);
    if outcome == "lost" {
        tracing::warn!(%clip, unit, token, "lease lost, attempt abandoned");
        metrics::counter!("clipper_leases_expired_total").increment(1);
    } else if let Err(error) = give_back(settings, &claim).await {
        tracing::warn!(%clip, error = &error as &dyn std::error::Error, "lease runs out by itself");
    }
    // A later attempt sweeps up what this one cannot.
    if let Err(error) = settings.media.end_work(&claim.piece(), token).await {
        tracing::warn!(%clip, unit, %error, "work folder not removed");
    }
}

async fn give_back(settings: &EncoderSettings, claim: &Claim) -> Result<(), StorageError> {
    leases::give_back(&settings.db, &claim.lease, settings.now().await?).await
}

impl Attempt<'_> {
    async fn run(&self) -> Result<(), Broken> {
        let Some(task) = self.prepare().await? else {
            return Ok(());
        };
        if self.claim.unit == task.plan.last_unit() {
            self.publish(&task).await
        } else {
            Box::pin(self.encode_range(&task)).await
        }
    }

    /// Announces the attempt and makes sure that there is a plan; nothing, when there is nothing to do.
    async fn prepare(&self) -> Result<Option<Task>, Broken> {
        let start = WorkStep::Start {
            worker: self.settings.node.clone(),
        };
        let begun = match self.execute(start).await {
            // The queue was behind: the encoding has ended, or another worker was faster.
            Err(Broken::Command(CommandError::Refused(_))) => return Ok(None),
            begun => begun?,
        };
        let Some(object) = begun.clip.source().map(|source| source.object.clone()) else {
            return Ok(None);
        };
        let planned = if begun
            .clip
            .encoding()
            .is_some_and(|encoding| encoding.plan.is_some())
        {
            begun
        } else {
            self.plan(&begun, &object).await?
        };
        let (Some(encoding), Some(facts)) = (planned.clip.encoding(), planned.clip.facts()) else {
            return Ok(None);
        };
        let Some(plan) = encoding.plan.clone().filter(|_| !encoding.ended) else {
            return Ok(None);
        };
        Ok(Some(Task {
            source: object,
            facts: facts.clone(),
            plan,
            encoding: encoding.clone(),
        }))
    }

    /// Plans from what is known of the source, or from what a probe finds out.
    async fn plan(&self, begun: &Executed, source: &str) -> Result<Executed, Broken> {
        let started = Instant::now();
        let probed = if let Some(known) = begun.clip.facts() {
            Ok(known.clone())
        } else {
            let file = self.settings.media.lend(source, &self.work().await?).await?;
            encode::probe(&self.settings.tools, &file).await
        };
        let step = match probed {
            Ok(facts) => WorkStep::RecordProbe {
                facts: Box::new(facts),
                settings: self.settings.plan,
            },
            Err(ProbeError::Rejected(rejection)) => WorkStep::RejectSource(rejection),
            Err(ProbeError::Failed(error)) => return Err(error.into()),
        };
        stage("probe", started);
        self.execute(step).await
    }

    /// The folder of this attempt.
    pub(super) async fn work(&self) -> std::io::Result<PathBuf> {
        let (piece, token) = (self.claim.piece(), self.claim.lease.token);
        self.settings.media.begin_work(&piece, token).await
    }

    /// The folder of the generation in the media store.
    pub(super) fn folder(&self) -> String {
        MediaStore::generation_object(self.claim.clip, self.claim.generation)
    }

    pub(super) async fn execute(&self, step: WorkStep) -> Result<Executed, Broken> {
        let worker = format!("worker:{}", self.settings.node);
        let context = match &self.claim.request {
            Some(request) => CommandContext::following(request, worker),
            None => CommandContext::once(worker),
        };
        let held = Held {
            generation: self.claim.generation,
            unit: self.claim.unit,
            token: self.claim.lease.token,
        };
        Ok(self
            .settings
            .clips
            .execute(self.claim.clip, ClipCommand::Work { held, step }, context)
            .await?)
    }

    /// Tells the clip why the attempt broke off, unless the clip itself broke it off.
    async fn report(&self, broken: &Broken) {
        let (clip, unit) = (self.claim.clip, self.claim.unit);
        let step = if let Broken::CopyInvalid { quality, reason } = broken {
            tracing::warn!(%clip, %quality, reason, "the source cannot be copied after all");
            self.forget_sound().await;
            let (quality, reason) = (*quality, reason.clone());
            WorkStep::AbandonCopy { quality, reason }
        } else if let Some(failure) = classify(broken) {
            let (code, class) = (&failure.code, failure.class);
            tracing::error!(
                %clip, unit, code, ?class, error = broken as &dyn std::error::Error, "encoding failed: {}", failure.detail
            );
            // A database that cannot be asked takes no command either.
            let at = self
                .settings
                .now()
                .await
                .unwrap_or_else(|_silent| self.settings.clock.now());
            WorkStep::Fail { failure, at }
        } else {
            tracing::warn!(%clip, unit, error = broken as &dyn std::error::Error, "attempt ended");
            return;
        };
        if let Err(error) = self.execute(step).await {
            tracing::error!(%clip, error = &error as &dyn std::error::Error, "failure not recorded, the lease will run out");
        }
    }

    /// The next generation encodes its own, and nobody else would ever remove this one.
    async fn forget_sound(&self) {
        if let Err(error) = self.settings.media.remove(&self.sound_folder()).await {
            tracing::warn!(clip = %self.claim.clip, %error, "sound not removed");
        }
    }
}

/// What something was refused for, with its causes.
pub(super) fn describe(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

pub(super) fn stage(name: &'static str, started: Instant) {
    metrics::histogram!("clipper_encode_duration_seconds", "stage" => name)
        .record(started.elapsed().as_secs_f64());
}
