//! What can be asked of a clip.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::details::ChangedDetails;
use super::event::{EncodingClass, FailureClass};
use super::poster::ChosenPoster;
use super::registration::{Registration, Visibility};
use crate::captions::{Captions, LanguageTag};
use crate::plan::PlanSettings;
use crate::source::{Rejection, SourceFacts, StoredSource};
use crate::{Quality, Run, Thumbnails, Variant};

/// A request to change a clip.
#[derive(Clone, Debug, PartialEq)]
pub enum ClipCommand {
    /// Make the clip known.
    Register(Registration),
    /// Change what is told of it, or who may watch it.
    ChangeDetails {
        /// What to tell; what is absent stays.
        details: ChangedDetails,
        /// Who may watch it; nothing stays as it is.
        visibility: Option<Visibility>,
        /// The revision that whoever asks has seen, if it must be the latest.
        seen: Option<u32>,
    },
    /// Take it away from everyone, for now.
    Delete {
        /// Until then it may be restored.
        purge_after: DateTime<Utc>,
    },
    /// Give it back.
    Restore,
    /// Let the media of a deleted clip go.
    StartPurge {
        /// When; nothing, where it need not be wanted back.
        at: Option<DateTime<Utc>>,
    },
    /// Its media was removed.
    FinishPurge {
        /// How many objects.
        objects: u64,
        /// How many bytes.
        bytes: u64,
    },
    /// A source was stored whole; encode it.
    StoreSource {
        /// Where it lies.
        source: StoredSource,
        /// What a probe found, where one could look already.
        facts: Option<Box<SourceFacts>>,
        /// What is wanted of it.
        order: EncodingOrder,
    },
    /// Make a new generation beside the one that plays.
    RequestEncoding(EncodingOrder),
    /// Stop the encoding that is under way.
    CancelEncoding,
    /// Add captions in a language, in place of those that there are.
    AddCaptions(Captions),
    /// Remove the captions in a language.
    RemoveCaptions(LanguageTag),
    /// Have a picture of one's own stand for it.
    ChoosePoster(ChosenPoster),
    /// Have whatever picture an encoding finds stand for it.
    ResetPoster,
    /// A step of a worker.
    Work {
        /// What the worker holds.
        held: Held,
        /// What it did.
        step: WorkStep,
    },
}

/// Which renditions are wanted, and how urgently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncodingOrder {
    /// The rungs.
    pub qualities: Vec<Quality>,
    /// Higher goes first within a class.
    pub priority: i32,
    /// Fresh uploads go before re-encodes, those before backfill.
    pub class: EncodingClass,
}

impl EncodingOrder {
    /// What an upload gets: the default ladder at the default priority.
    pub fn fresh() -> Self {
        Self {
            qualities: Quality::DEFAULT.to_vec(),
            priority: 5,
            class: EncodingClass::Fresh,
        }
    }
}

/// A unit of work that a worker holds the lease of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The encoding.
    pub generation: u32,
    /// The unit, counted from 0; see [`Plan::unit_count`](crate::plan::Plan::unit_count).
    pub unit: u32,
    /// The fencing token of the lease.
    pub token: i64,
}

/// What a worker did.
#[derive(Clone, Debug, PartialEq)]
pub enum WorkStep {
    /// It took the lease.
    Start {
        /// Who works.
        worker: String,
    },
    /// The probe understood the source.
    RecordProbe {
        /// What was found.
        facts: Box<SourceFacts>,
        /// What the operator chose.
        settings: PlanSettings,
    },
    /// The probe refused the source.
    RejectSource(Rejection),
    /// Segments lie verified in the store.
    RecordSegments {
        /// By rung.
        runs: Vec<Run>,
        /// The folder of the generation in the media store.
        folder: String,
    },
    /// The copy of the source does not pass the validator: begin anew without copying.
    AbandonCopy {
        /// The rung.
        quality: Quality,
        /// Why.
        reason: String,
    },
    /// Every segment of the unit is recorded.
    CompleteUnit,
    /// A rendition is whole and has passed the validator.
    PublishVariant(Variant),
    /// A rendition would show nothing that a smaller one does not.
    SkipVariant {
        /// The rung.
        quality: Quality,
    },
    /// A rendition cannot be made.
    GiveUpVariant {
        /// The rung.
        quality: Quality,
        /// Why.
        reason: String,
    },
    /// Still pictures lie in the store.
    RecordThumbnails(Thumbnails),
    /// Every rung is published or given up.
    Finish,
    /// The attempt broke off.
    Fail {
        /// What went wrong.
        failure: EncodingFailure,
        /// When; a retry is counted from here.
        at: DateTime<Utc>,
    },
}

/// Why an attempt broke off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodingFailure {
    /// Whose fault it is, which decides whether it is tried again.
    pub class: FailureClass,
    /// The stable code.
    pub code: String,
    /// A sentence.
    pub detail: String,
}
