//! One generation of a clip's media while it is being made: what is planned, who works on what, and what lies ready.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::command::{EncodingFailure, EncodingOrder, Held, WorkStep};
use super::event::{ClipEvent, FailureClass};
use super::refusal::Refusal;
use crate::plan::{self, Plan, PlanSettings, PlannedRung};
use crate::source::{Rejection, RejectionCode, SourceFacts};
use crate::{Playable, Quality, Run, Thumbnails, Variant};

/// How often a unit is tried when the fault is not the content's.
pub const MAX_ATTEMPTS: u32 = 5;

/// The current generation of a clip's media.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Encoding {
    /// Counts the encodings of this clip from 1.
    pub generation: u32,
    /// What was asked for.
    pub order: EncodingOrder,
    /// What was decided from the probe.
    pub plan: Option<Plan>,
    /// The units that somebody has worked on.
    pub units: BTreeMap<u32, Unit>,
    /// The segments that lie verified in the store.
    pub stored: BTreeMap<Quality, BTreeSet<u32>>,
    /// Rungs that are published whole.
    pub ready: Vec<Quality>,
    /// Rungs that would gain nothing.
    pub skipped: Vec<Quality>,
    /// Rungs that were given up, in the order in which they failed.
    pub failed: Vec<Quality>,
    /// Whether still pictures are there.
    pub thumbnails: bool,
    /// Whether nothing more will come.
    pub ended: bool,
}

/// A unit of work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// The fencing token of the latest attempt; 0 before the first.
    pub token: i64,
    /// Attempts that failed through no fault of the content.
    pub failures: u32,
    /// Whether an attempt failed for want of memory, disk or time: the next one takes less.
    pub starved: bool,
    /// Whether nothing is left to be done.
    pub done: bool,
}

impl Encoding {
    pub(super) fn requested(generation: u32, order: EncodingOrder) -> Self {
        Self {
            generation,
            order,
            plan: None,
            units: BTreeMap::new(),
            stored: BTreeMap::new(),
            ready: vec![],
            skipped: vec![],
            failed: vec![],
            thumbnails: false,
            ended: false,
        }
    }

    /// A unit as it stands.
    pub fn unit(&self, number: u32) -> Unit {
        self.units.get(&number).copied().unwrap_or_default()
    }

    /// Rungs of the plan that are neither published nor given up.
    pub fn missing(&self) -> Vec<Quality> {
        self.open_rungs().map(|rung| rung.quality).collect()
    }

    /// Rungs of the plan that are neither published nor given up.
    pub fn open_rungs(&self) -> impl Iterator<Item = &PlannedRung> {
        let closed = [&self.ready, &self.skipped, &self.failed];
        let open = move |rung: &&PlannedRung| closed.iter().all(|closed| !closed.contains(&rung.quality));
        self.plan.iter().flat_map(|plan| &plan.rungs).filter(open)
    }

    /// Rungs of the plan that are neither given up nor left out: those that are published or may still be.
    pub fn standing_rungs(&self) -> impl Iterator<Item = &PlannedRung> {
        let standing = |rung: &&PlannedRung| {
            !self.failed.contains(&rung.quality) && !self.skipped.contains(&rung.quality)
        };
        self.plan.iter().flat_map(|plan| &plan.rungs).filter(standing)
    }

    /// The segments of a unit that a rung lacks. A copied rung is made whole by the first unit.
    pub fn lacking(&self, rung: &PlannedRung, unit: u32) -> Vec<u32> {
        let Some(plan) = &self.plan else { return vec![] };
        let stored = self.stored.get(&rung.quality);
        let range = match (rung.copied, unit) {
            (true, 0) => 0..plan.segment_count(),
            (true, _) => 0..0,
            (false, unit) => plan.range(unit),
        };
        range
            .filter(|number| stored.is_none_or(|stored| !stored.contains(number)))
            .collect()
    }

    /// Whether every range is encoded, so that the whole can be looked at.
    fn ranges_done(&self, plan: &Plan) -> bool {
        (0..plan.range_count()).all(|unit| self.unit(unit).done)
    }

    /// Decides about a step of a worker, whose lease must be the latest one: a late reply of a worker that lost its
    /// lease ends here.
    pub(super) fn decide(
        &self,
        known: Option<&SourceFacts>,
        held: Held,
        step: WorkStep,
    ) -> Result<Vec<ClipEvent>, Refusal> {
        let generation = held.generation;
        if self.generation != generation || self.ended {
            return Err(Refusal::EncodingEnded { generation });
        }
        let current = self.unit(held.unit).token;
        if let WorkStep::Start { worker } = step {
            return self.start(held, current, worker);
        }
        if current != held.token {
            return Err(Refusal::LeaseLost {
                token: held.token,
                current,
            });
        }
        match step {
            WorkStep::Start { .. } => Ok(vec![]),
            WorkStep::RecordProbe { facts, settings } => Ok(self.plan_for(known, *facts, settings)),
            WorkStep::RejectSource(rejection) => Ok(vec![ClipEvent::SourceRejected {
                generation,
                rejection,
            }]),
            WorkStep::RecordSegments { runs, folder } => self.record(held, runs, &folder),
            WorkStep::AbandonCopy { quality, reason } => Ok(self.abandon_copy(quality, reason)),
            WorkStep::CompleteUnit => self.complete(held),
            WorkStep::PublishVariant(variant) => self.publish(variant),
            WorkStep::SkipVariant { quality } => Ok(self.skip(quality)),
            WorkStep::GiveUpVariant { quality, reason } => self.give_up(quality, reason),
            WorkStep::RecordThumbnails(thumbnails) => Ok(self.record_thumbnails(thumbnails)),
            WorkStep::Finish => self.finish(),
            WorkStep::Fail { failure, at } => Ok(vec![self.fail(held, failure, at)]),
        }
    }

    fn start(&self, held: Held, current: i64, worker: String) -> Result<Vec<ClipEvent>, Refusal> {
        let Held {
            generation,
            unit,
            token,
        } = held;
        if self.unit(unit).done {
            return Err(Refusal::UnitDone { unit });
        }
        match token.cmp(&current) {
            std::cmp::Ordering::Less => Err(Refusal::LeaseLost { token, current }),
            std::cmp::Ordering::Equal => Ok(vec![]),
            std::cmp::Ordering::Greater => Ok(vec![ClipEvent::EncodingStarted {
                generation,
                unit,
                token,
                worker,
            }]),
        }
    }

    fn plan_for(
        &self,
        known: Option<&SourceFacts>,
        facts: SourceFacts,
        settings: PlanSettings,
    ) -> Vec<ClipEvent> {
        if self.plan.is_some() {
            return vec![];
        }
        let generation = self.generation;
        let decided = match plan::plan(&facts, &self.order.qualities, settings) {
            Ok(plan) => ClipEvent::EncodingPlanned { generation, plan },
            Err(no_plan) => ClipEvent::SourceRejected {
                generation,
                rejection: Rejection {
                    code: RejectionCode::TooManyPixels,
                    detail: no_plan.to_string(),
                },
            },
        };
        let probed = (known != Some(&facts)).then_some(ClipEvent::SourceProbed(facts));
        probed.into_iter().chain([decided]).collect()
    }

    fn record(&self, held: Held, runs: Vec<Run>, folder: &str) -> Result<Vec<ClipEvent>, Refusal> {
        let mut playable = vec![];
        for run in &runs {
            let rung = self
                .open_rungs()
                .find(|rung| rung.quality == run.quality)
                .ok_or(Refusal::NotPlanned { quality: run.quality })?;
            if run.first_segment == 0 {
                playable.extend(self.playable(rung, run, folder));
            }
        }
        if runs.is_empty() {
            return Ok(vec![]);
        }
        let generation = held.generation;
        let announced = |variant| ClipEvent::VariantPlayable { generation, variant };
        let stored = ClipEvent::SegmentsStored {
            generation,
            unit: held.unit,
            runs,
        };
        Ok(playable.into_iter().map(announced).chain([stored]).collect())
    }

    /// What is announced when the first segment of a rung lies ready.
    fn playable(&self, rung: &PlannedRung, run: &Run, folder: &str) -> Option<Playable> {
        let plan = self.plan.as_ref()?;
        let known = self
            .stored
            .get(&rung.quality)
            .is_some_and(|stored| stored.contains(&0));
        (!known).then(|| Playable {
            quality: rung.quality,
            width: rung.width,
            height: rung.height,
            codec: run.codec.clone(),
            frame_rate: plan.rate_of(rung),
            target_duration: plan.target_duration(),
            copied: rung.copied,
            storage_path: format!("{folder}/{}", rung.quality.path()),
        })
    }

    /// What players may have seen of a copy cannot be taken back under its address, so that a new generation begins.
    fn abandon_copy(&self, quality: Quality, reason: String) -> Vec<ClipEvent> {
        let abandoned = ClipEvent::CopyAbandoned {
            generation: self.generation,
            quality,
            reason,
        };
        vec![abandoned, Self::next(self.generation, self.order.clone())]
    }

    fn complete(&self, held: Held) -> Result<Vec<ClipEvent>, Refusal> {
        let missing: Vec<Quality> = self
            .open_rungs()
            .filter(|rung| !self.lacking(rung, held.unit).is_empty())
            .map(|rung| rung.quality)
            .collect();
        if self.plan.is_none() || !missing.is_empty() {
            return Err(Refusal::Unfinished { missing });
        }
        if self.unit(held.unit).done {
            return Ok(vec![]);
        }
        Ok(vec![ClipEvent::UnitEncoded {
            generation: held.generation,
            unit: held.unit,
            token: held.token,
        }])
    }

    fn publish(&self, variant: Variant) -> Result<Vec<ClipEvent>, Refusal> {
        let quality = variant.quality;
        if self.ready.contains(&quality) {
            return Ok(vec![]);
        }
        if !self.missing().contains(&quality) {
            return Err(Refusal::NotPlanned { quality });
        }
        Ok(vec![ClipEvent::VariantReady {
            generation: self.generation,
            variant,
        }])
    }

    /// A rung of which something can be played already stays.
    fn skip(&self, quality: Quality) -> Vec<ClipEvent> {
        let untouched = self.missing().contains(&quality) && !self.stored.contains_key(&quality);
        let skipped = untouched.then_some(ClipEvent::VariantSkipped {
            generation: self.generation,
            quality,
        });
        skipped.into_iter().collect()
    }

    fn give_up(&self, quality: Quality, reason: String) -> Result<Vec<ClipEvent>, Refusal> {
        if self.failed.contains(&quality) {
            return Ok(vec![]);
        }
        if !self.missing().contains(&quality) {
            return Err(Refusal::NotPlanned { quality });
        }
        Ok(vec![ClipEvent::VariantFailed {
            generation: self.generation,
            quality,
            reason,
        }])
    }

    fn record_thumbnails(&self, thumbnails: Thumbnails) -> Vec<ClipEvent> {
        if self.thumbnails {
            return vec![];
        }
        vec![ClipEvent::ThumbnailsReady {
            generation: self.generation,
            thumbnails,
        }]
    }

    fn finish(&self) -> Result<Vec<ClipEvent>, Refusal> {
        let missing = self.missing();
        let encoded = self.plan.as_ref().is_some_and(|plan| self.ranges_done(plan));
        if !missing.is_empty() || !encoded {
            return Err(Refusal::Unfinished { missing });
        }
        let generation = self.generation;
        if self.ready.is_empty() {
            return Ok(vec![ClipEvent::EncodingFailed {
                generation,
                unit: self.plan.as_ref().map_or(0, Plan::last_unit),
                token: 0,
                class: FailureClass::Content,
                code: "no_rung_encoded".to_owned(),
                detail: "none of the renditions could be encoded".to_owned(),
                retry_at: None,
            }]);
        }
        Ok(vec![ClipEvent::EncodingCompleted {
            generation,
            qualities: self.ready.clone(),
            failed: self.failed.clone(),
        }])
    }

    fn fail(&self, held: Held, failure: EncodingFailure, at: DateTime<Utc>) -> ClipEvent {
        let attempt = self.unit(held.unit).failures + 1;
        let retry_at = match failure.class {
            FailureClass::Content => None,
            FailureClass::Ours | FailureClass::Resource if attempt >= MAX_ATTEMPTS => None,
            FailureClass::Ours | FailureClass::Resource => Some(at + back_off(attempt)),
        };
        ClipEvent::EncodingFailed {
            generation: held.generation,
            unit: held.unit,
            token: held.token,
            class: failure.class,
            code: failure.code,
            detail: failure.detail,
            retry_at,
        }
    }

    pub(super) fn change_unit(&mut self, number: u32, change: impl FnOnce(&mut Unit)) {
        change(self.units.entry(number).or_default());
    }

    pub(super) fn note_failure(&mut self, unit: u32, class: FailureClass, retry_at: Option<DateTime<Utc>>) {
        self.change_unit(unit, |unit| {
            unit.failures += 1;
            unit.starved |= class == FailureClass::Resource;
        });
        if retry_at.is_none() {
            self.end();
        }
    }

    pub(super) fn store(&mut self, runs: Vec<Run>) {
        for run in runs {
            let stored = self.stored.entry(run.quality).or_default();
            stored.extend((run.first_segment..).take(run.segments.len()));
        }
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
        self.stored = BTreeMap::new();
    }

    /// The request of a generation after this one.
    pub(super) fn next(generation: u32, order: EncodingOrder) -> ClipEvent {
        ClipEvent::EncodingRequested {
            generation: generation + 1,
            qualities: order.qualities,
            priority: order.priority,
            class: order.class,
        }
    }
}

/// 2 s, 8 s, 32 s, 128 s: long enough for a full disk or a busy machine to change.
fn back_off(attempt: u32) -> TimeDelta {
    TimeDelta::seconds(
        2_i64
            .saturating_mul(4_i64.saturating_pow(attempt.saturating_sub(1)))
            .min(600),
    )
}
