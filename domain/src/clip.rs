//! The clip: one aggregate that holds every rule about registration, sources and encoding.
//!
//! `decide` turns a command into events or a [`Refusal`]; `apply` only assigns. Repeating a command is harmless: the
//! aggregate recognises what it already knows and answers with no events.

mod captions;
mod command;
mod deletion;
mod details;
mod encoding;
mod event;
mod poster;
mod refusal;
mod registration;
#[cfg(test)]
mod tests;
mod upcast;

use std::collections::BTreeMap;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use command::{ClipCommand, EncodingFailure, EncodingOrder, Held, WorkStep};
pub use deletion::{DeletedMedia, Deletion};
pub use details::{ChangedDetails, Details, MAX_DESCRIPTION, is_fit_description, present};
pub use encoding::{Encoding, MAX_ATTEMPTS, Unit};
pub use event::{ClipEvent, EncodingClass, FailureClass, UnknownClass};
pub use poster::ChosenPoster;
pub use refusal::Refusal;
pub use registration::{MAX_TITLE, Registration, Visibility, is_fit_title, is_web_address};

use crate::captions::{Captions, LanguageTag};
use crate::plan::CopyObstacle;
use crate::source::{SourceFacts, StoredSource};

/// What is known of a clip from its events.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Clip {
    registration: Option<Registration>,
    details: Option<Details>,
    deletion: Option<Deletion>,
    source: Option<StoredSource>,
    facts: Option<SourceFacts>,
    encoding: Option<Encoding>,
    /// Whether a copy of the source was found to be invalid.
    copy_refused: bool,
    /// The generation that plays, once one has been completed.
    published: Option<u32>,
    captions: BTreeMap<LanguageTag, Captions>,
    poster: Option<ChosenPoster>,
}

impl Clip {
    /// Who registered it and how, once it is registered.
    pub fn registration(&self) -> Option<&Registration> {
        self.registration.as_ref()
    }

    /// What is told of it and who may watch it, once it is registered.
    pub fn details(&self) -> Option<&Details> {
        self.details.as_ref()
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

    /// The generation that plays, once one has been completed.
    pub fn published(&self) -> Option<u32> {
        self.published
    }

    /// The captions, by language.
    pub fn captions(&self) -> &BTreeMap<LanguageTag, Captions> {
        &self.captions
    }

    /// Decides what a command does to this clip.
    pub fn decide(&self, command: ClipCommand) -> Result<Vec<ClipEvent>, Refusal> {
        match command {
            ClipCommand::Delete { purge_after } => self.delete(purge_after),
            ClipCommand::Restore => self.restore(),
            ClipCommand::StartPurge { at } => self.start_purge(at),
            ClipCommand::FinishPurge { objects, bytes } => self.finish_purge(objects, bytes),
            ClipCommand::Register(registration) => self.register(registration),
            ClipCommand::Work { held, step } => {
                let encoding = self.encoding.as_ref().ok_or(Refusal::NothingToEncode)?;
                encoding.decide(self.facts.as_ref(), held, self.without_copy(step))
            }
            _living if self.deletion.is_some() => Err(Refusal::Deleted),
            ClipCommand::ChangeDetails {
                details,
                visibility,
                seen,
            } => self.change_details(details, visibility, seen),
            ClipCommand::StoreSource { source, facts, order } => self.store_source(source, facts, order),
            ClipCommand::RequestEncoding(order) => self.request(order),
            ClipCommand::CancelEncoding => Ok(self.cancel()),
            ClipCommand::AddCaptions(captions) => self.add_captions(captions),
            ClipCommand::RemoveCaptions(language) => self.remove_captions(language),
            ClipCommand::ChoosePoster(poster) => self.choose_poster(poster),
            ClipCommand::ResetPoster => Ok(self.reset_poster()),
        }
    }

    fn without_copy(&self, mut step: WorkStep) -> WorkStep {
        if let WorkStep::RecordProbe { settings, .. } = &mut step
            && self.copy_refused
        {
            settings.not_copied = Some(CopyObstacle::Invalid);
        }
        step
    }

    fn register(&self, registration: Registration) -> Result<Vec<ClipEvent>, Refusal> {
        match &self.registration {
            None => Ok(vec![ClipEvent::ClipRegistered(registration)]),
            Some(known) if *known == registration && self.deletion.is_none() => Ok(vec![]),
            Some(known) => Err(Refusal::SlugTaken {
                slug: known.slug.clone(),
            }),
        }
    }

    fn store_source(
        &self,
        source: StoredSource,
        facts: Option<Box<SourceFacts>>,
        order: EncodingOrder,
    ) -> Result<Vec<ClipEvent>, Refusal> {
        self.registration.as_ref().ok_or(Refusal::NotRegistered)?;
        match &self.source {
            Some(known) if known.sha256 == source.sha256 => return Ok(vec![]),
            Some(_) if !self.source_was_rejected() => return Err(Refusal::SourceExists),
            Some(_) | None => {}
        }
        let probed = facts.map(|facts| ClipEvent::SourceProbed(*facts));
        Ok([ClipEvent::SourceStored(source)]
            .into_iter()
            .chain(probed)
            .chain([Encoding::next(self.generation(), order)])
            .collect())
    }

    /// A clip whose source could not be used takes another one; a clip that plays keeps its source.
    fn source_was_rejected(&self) -> bool {
        let barren = |encoding: &Encoding| encoding.ended && encoding.ready.is_empty();
        self.published.is_none() && self.encoding.as_ref().is_some_and(barren)
    }

    fn generation(&self) -> u32 {
        self.encoding.as_ref().map_or(0, |encoding| encoding.generation)
    }

    fn request(&self, order: EncodingOrder) -> Result<Vec<ClipEvent>, Refusal> {
        self.source.as_ref().ok_or(Refusal::NothingToEncode)?;
        if self.encoding.as_ref().is_some_and(|encoding| !encoding.ended) {
            return Err(Refusal::EncodingUnderWay {
                generation: self.generation(),
            });
        }
        Ok(vec![Encoding::next(self.generation(), order)])
    }

    fn cancel(&self) -> Vec<ClipEvent> {
        let open = self.encoding.as_ref().filter(|encoding| !encoding.ended);
        open.map(|encoding| ClipEvent::EncodingCancelled {
            generation: encoding.generation,
        })
        .into_iter()
        .collect()
    }

    fn adopt_registration(&mut self, registration: Registration) {
        self.details = Some(Details::first(&registration));
        self.registration = Some(registration);
    }

    fn adopt_source(&mut self, source: StoredSource) {
        self.source = Some(source);
        self.facts = None;
        self.copy_refused = false;
    }

    fn play(&mut self, generation: u32) {
        self.published = Some(generation);
        self.assign_to_encoding(Encoding::end);
    }

    fn assign_to_encoding(&mut self, change: impl FnOnce(&mut Encoding)) {
        if let Some(encoding) = &mut self.encoding {
            change(encoding);
        }
    }
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
            ClipEvent::ClipRegistered(registration) => self.adopt_registration(registration),
            ClipEvent::DetailsChanged(changed) => self.adopt_details(changed),
            ClipEvent::VisibilityChanged { visibility } => self.show_to(visibility),
            ClipEvent::ClipDeleted { purge_after } => self.note_deletion(purge_after),
            ClipEvent::ClipRestored {} => self.deletion = None,
            ClipEvent::PurgeStarted {} => self.let_media_go(),
            ClipEvent::MediaPurged { .. } => self.note_media(DeletedMedia::Gone),
            ClipEvent::SourceStored(source) => self.adopt_source(source),
            ClipEvent::SourceProbed(facts) => self.facts = Some(facts),
            ClipEvent::EncodingRequested {
                generation,
                qualities,
                priority,
                class,
            } => {
                let order = EncodingOrder {
                    qualities,
                    priority,
                    class,
                };
                self.encoding = Some(Encoding::requested(generation, order));
            }
            ClipEvent::EncodingPlanned { plan, .. } => self.assign_to_encoding(|e| e.plan = Some(plan)),
            ClipEvent::EncodingStarted { unit, token, .. } => {
                self.assign_to_encoding(|e| e.change_unit(unit, |unit| unit.token = token));
            }
            ClipEvent::VariantPlayable { .. } => {}
            ClipEvent::SegmentsStored { runs, .. } => self.assign_to_encoding(|e| e.store(runs)),
            ClipEvent::CopyAbandoned { .. } => {
                self.copy_refused = true;
                self.assign_to_encoding(Encoding::end);
            }
            ClipEvent::UnitEncoded { unit, .. } => {
                self.assign_to_encoding(|e| e.change_unit(unit, |unit| unit.done = true));
            }
            ClipEvent::VariantReady { variant, .. } => {
                self.assign_to_encoding(|e| e.ready.push(variant.quality));
            }
            ClipEvent::VariantSkipped { quality, .. } => {
                self.assign_to_encoding(|e| e.skipped.push(quality));
            }
            ClipEvent::VariantFailed { quality, .. } => self.assign_to_encoding(|e| e.failed.push(quality)),
            ClipEvent::ThumbnailsReady { .. } => self.assign_to_encoding(|e| e.thumbnails = true),
            ClipEvent::CaptionsAdded { captions, .. } => self.keep_captions(captions),
            ClipEvent::CaptionsRemoved { language, .. } => self.drop_captions(&language),
            ClipEvent::PosterChosen { poster, .. } => self.poster = Some(poster),
            ClipEvent::PosterReset { .. } => self.poster = None,
            ClipEvent::EncodingCompleted { generation, .. } => self.play(generation),
            ClipEvent::SourceRejected { .. } => self.assign_to_encoding(Encoding::end),
            ClipEvent::EncodingCancelled { .. } => self.note_cancellation(),
            ClipEvent::EncodingFailed {
                unit,
                class,
                retry_at,
                ..
            } => self.assign_to_encoding(|e| e.note_failure(unit, class, retry_at)),
        }
    }
}
