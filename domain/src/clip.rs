//! The clip: one aggregate that holds every rule about registration, sources and encoding.
//!
//! `decide` turns a command into events or a [`Refusal`]; `apply` only assigns. Repeating a command is harmless: the
//! aggregate recognises what it already knows and answers with no events.

mod command;
mod event;
mod refusal;
mod registration;
#[cfg(test)]
mod tests;

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use command::{ClipCommand, EncodingFailure};
pub use event::{ClipEvent, EncodingClass, FailureClass};
pub use refusal::Refusal;
pub use registration::{Registration, Visibility};

use crate::plan::{self, Plan, PlanSettings};
use crate::source::{Rejection, RejectionCode, SourceFacts, StoredSource};
use crate::{Quality, Variant};

/// How often an encoding is tried when the fault is ours.
pub const MAX_ATTEMPTS: u32 = 5;

/// What is known of a clip from its events.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Clip {
    registration: Option<Registration>,
    source: Option<StoredSource>,
    facts: Option<SourceFacts>,
    encoding: Option<Encoding>,
}

/// The current generation of a clip's media.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Encoding {
    /// Counts the encodings of this clip from 1.
    pub generation: u32,
    /// The rungs that were asked for.
    pub qualities: Vec<Quality>,
    /// What was decided from the probe.
    pub plan: Option<Plan>,
    /// The fencing token of the worker whose attempt is the latest; 0 before the first.
    pub token: i64,
    /// Attempts that failed through no fault of the content.
    pub failures: u32,
    /// Rungs that are published.
    pub ready: Vec<Quality>,
    /// Rungs that were given up, in the order in which they failed.
    pub failed: Vec<Quality>,
    /// Whether nothing more will come.
    pub ended: bool,
}

impl Encoding {
    /// Rungs of the plan that are neither published nor given up.
    pub fn missing(&self) -> Vec<Quality> {
        let planned = self
            .plan
            .iter()
            .flat_map(|plan| &plan.rungs)
            .map(|rung| rung.quality);
        planned
            .filter(|quality| !self.ready.contains(quality) && !self.failed.contains(quality))
            .collect()
    }
}

impl Clip {
    /// Who registered it and how, once it is registered.
    pub fn registration(&self) -> Option<&Registration> {
        self.registration.as_ref()
    }

    /// The stored source, once there is one.
    pub fn source(&self) -> Option<&StoredSource> {
        self.source.as_ref()
    }

    /// What the probe found.
    pub fn facts(&self) -> Option<&SourceFacts> {
        self.facts.as_ref()
    }

    /// The current encoding.
    pub fn encoding(&self) -> Option<&Encoding> {
        self.encoding.as_ref()
    }

    /// Decides what a command does to this clip.
    pub fn decide(&self, command: ClipCommand) -> Result<Vec<ClipEvent>, Refusal> {
        match command {
            ClipCommand::Register(registration) => self.register(registration),
            ClipCommand::StoreSource(source) => self.store_source(source),
            ClipCommand::StartEncoding {
                generation,
                token,
                worker,
            } => self.start(generation, token, worker),
            ClipCommand::RecordProbe {
                generation,
                token,
                facts,
                settings,
            } => self.record_probe(generation, token, facts, settings),
            ClipCommand::RejectSource {
                generation,
                token,
                rejection,
            } => self.reject(generation, token, rejection),
            ClipCommand::PublishVariant {
                generation,
                token,
                variant,
            } => self.publish(generation, token, variant),
            ClipCommand::GiveUpVariant {
                generation,
                token,
                quality,
                reason,
            } => self.give_up(generation, token, quality, reason),
            ClipCommand::FinishEncoding { generation, token } => self.finish(generation, token),
            ClipCommand::FailEncoding {
                generation,
                token,
                failure,
                at,
            } => self.fail(generation, token, failure, at),
        }
    }

    fn register(&self, registration: Registration) -> Result<Vec<ClipEvent>, Refusal> {
        match &self.registration {
            None => Ok(vec![ClipEvent::ClipRegistered(registration)]),
            Some(known) if *known == registration => Ok(vec![]),
            Some(known) => Err(Refusal::SlugTaken {
                slug: known.slug.clone(),
            }),
        }
    }

    fn store_source(&self, source: StoredSource) -> Result<Vec<ClipEvent>, Refusal> {
        self.registration.as_ref().ok_or(Refusal::NotRegistered)?;
        match &self.source {
            Some(known) if known.sha256 == source.sha256 => return Ok(vec![]),
            Some(_) if !self.source_was_rejected() => return Err(Refusal::SourceExists),
            Some(_) | None => {}
        }
        let generation = self.encoding.as_ref().map_or(0, |encoding| encoding.generation) + 1;
        Ok(vec![
            ClipEvent::SourceStored(source),
            ClipEvent::EncodingRequested {
                generation,
                qualities: Quality::DEFAULT.to_vec(),
                priority: 5,
                class: EncodingClass::Fresh,
            },
        ])
    }

    /// A clip whose source could not be used takes another one; a clip that plays keeps its source.
    fn source_was_rejected(&self) -> bool {
        self.encoding
            .as_ref()
            .is_some_and(|encoding| encoding.ended && encoding.ready.is_empty())
    }

    fn start(&self, generation: u32, token: i64, worker: String) -> Result<Vec<ClipEvent>, Refusal> {
        let encoding = self.open_encoding(generation)?;
        match token.cmp(&encoding.token) {
            std::cmp::Ordering::Less => Err(Refusal::LeaseLost {
                token,
                current: encoding.token,
            }),
            std::cmp::Ordering::Equal => Ok(vec![]),
            std::cmp::Ordering::Greater => Ok(vec![ClipEvent::EncodingStarted {
                generation,
                token,
                worker,
            }]),
        }
    }

    fn record_probe(
        &self,
        generation: u32,
        token: i64,
        facts: SourceFacts,
        settings: PlanSettings,
    ) -> Result<Vec<ClipEvent>, Refusal> {
        let encoding = self.held_encoding(generation, token)?;
        if encoding.plan.is_some() {
            return Ok(vec![]);
        }
        match plan::plan(&facts, &encoding.qualities, settings) {
            Ok(plan) => Ok(vec![
                ClipEvent::SourceProbed(facts),
                ClipEvent::EncodingPlanned { generation, plan },
            ]),
            Err(no_plan) => {
                let rejection = Rejection {
                    code: RejectionCode::TooManyPixels,
                    detail: no_plan.to_string(),
                };
                Ok(vec![
                    ClipEvent::SourceProbed(facts),
                    ClipEvent::SourceRejected {
                        generation,
                        rejection,
                    },
                ])
            }
        }
    }

    fn reject(&self, generation: u32, token: i64, rejection: Rejection) -> Result<Vec<ClipEvent>, Refusal> {
        self.held_encoding(generation, token)?;
        Ok(vec![ClipEvent::SourceRejected {
            generation,
            rejection,
        }])
    }

    fn publish(&self, generation: u32, token: i64, variant: Variant) -> Result<Vec<ClipEvent>, Refusal> {
        let encoding = self.held_encoding(generation, token)?;
        let quality = variant.quality;
        if encoding.ready.contains(&quality) {
            return Ok(vec![]);
        }
        if !encoding.missing().contains(&quality) {
            return Err(Refusal::NotPlanned { quality });
        }
        Ok(vec![ClipEvent::VariantReady { generation, variant }])
    }

    fn give_up(
        &self,
        generation: u32,
        token: i64,
        quality: Quality,
        reason: String,
    ) -> Result<Vec<ClipEvent>, Refusal> {
        let encoding = self.held_encoding(generation, token)?;
        if encoding.failed.contains(&quality) {
            return Ok(vec![]);
        }
        if !encoding.missing().contains(&quality) {
            return Err(Refusal::NotPlanned { quality });
        }
        Ok(vec![ClipEvent::VariantFailed {
            generation,
            quality,
            reason,
        }])
    }

    fn finish(&self, generation: u32, token: i64) -> Result<Vec<ClipEvent>, Refusal> {
        let encoding = self.held_encoding(generation, token)?;
        let missing = encoding.missing();
        if !missing.is_empty() || encoding.plan.is_none() {
            return Err(Refusal::Unfinished { missing });
        }
        if encoding.ready.is_empty() {
            return Ok(vec![ClipEvent::EncodingFailed {
                generation,
                token,
                class: FailureClass::Content,
                code: "no_rung_encoded".to_owned(),
                detail: "none of the renditions could be encoded".to_owned(),
                retry_at: None,
            }]);
        }
        Ok(vec![ClipEvent::EncodingCompleted {
            generation,
            qualities: encoding.ready.clone(),
            failed: encoding.failed.clone(),
        }])
    }

    fn fail(
        &self,
        generation: u32,
        token: i64,
        failure: EncodingFailure,
        at: DateTime<Utc>,
    ) -> Result<Vec<ClipEvent>, Refusal> {
        let encoding = self.held_encoding(generation, token)?;
        let attempt = encoding.failures + 1;
        let retry_at = match failure.class {
            FailureClass::Content => None,
            FailureClass::Ours | FailureClass::Resource if attempt >= MAX_ATTEMPTS => None,
            FailureClass::Ours | FailureClass::Resource => Some(at + back_off(attempt)),
        };
        Ok(vec![ClipEvent::EncodingFailed {
            generation,
            token,
            class: failure.class,
            code: failure.code,
            detail: failure.detail,
            retry_at,
        }])
    }

    fn open_encoding(&self, generation: u32) -> Result<&Encoding, Refusal> {
        let encoding = self.encoding.as_ref().ok_or(Refusal::NothingToEncode)?;
        if encoding.generation != generation || encoding.ended {
            return Err(Refusal::EncodingEnded { generation });
        }
        Ok(encoding)
    }

    /// The encoding, if the caller's lease is the latest one: a late reply of a worker that lost its lease ends here.
    fn held_encoding(&self, generation: u32, token: i64) -> Result<&Encoding, Refusal> {
        let encoding = self.open_encoding(generation)?;
        if encoding.token == token {
            Ok(encoding)
        } else {
            Err(Refusal::LeaseLost {
                token,
                current: encoding.token,
            })
        }
    }

    fn assign_to_encoding(&mut self, change: impl FnOnce(&mut Encoding)) {
        if let Some(encoding) = &mut self.encoding {
            change(encoding);
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

impl Aggregate for Clip {
    const TYPE: &'static str = "clip";
    type Command = ClipCommand;
    type Event = ClipEvent;
    type Error = Refusal;
    type Services = ();

    async fn handle(&mut self, command: ClipCommand, (): &(), sink: &EventSink<Self>) -> Result<(), Refusal> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ClipEvent) {
        match event {
            ClipEvent::ClipRegistered(registration) => self.registration = Some(registration),
            ClipEvent::SourceStored(source) => {
                self.source = Some(source);
                self.facts = None;
            }
            ClipEvent::SourceProbed(facts) => self.facts = Some(facts),
            ClipEvent::EncodingRequested {
                generation,
                qualities,
                ..
            } => {
                self.encoding = Some(Encoding::requested(generation, qualities));
            }
            ClipEvent::EncodingPlanned { plan, .. } => self.assign_to_encoding(|e| e.plan = Some(plan)),
            ClipEvent::EncodingStarted { token, .. } => self.assign_to_encoding(|e| e.token = token),
            ClipEvent::VariantReady { variant, .. } => {
                self.assign_to_encoding(|e| e.ready.push(variant.quality));
            }
            ClipEvent::VariantFailed { quality, .. } => self.assign_to_encoding(|e| e.failed.push(quality)),
            ClipEvent::SourceRejected { .. } | ClipEvent::EncodingCompleted { .. } => {
                self.assign_to_encoding(|e| e.ended = true);
            }
            ClipEvent::EncodingFailed { retry_at, .. } => self.assign_to_encoding(|e| {
                e.failures += 1;
                e.ended = retry_at.is_none();
            }),
        }
    }
}

impl Encoding {
    fn requested(generation: u32, qualities: Vec<Quality>) -> Self {
        Self {
            generation,
            qualities,
            plan: None,
            token: 0,
            failures: 0,
            ready: vec![],
            failed: vec![],
            ended: false,
        }
    }
}
