//! What happened to a clip. A published event is never edited: a new shape is a new schema version with an upcaster.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::details::ChangedDetails;
use super::poster::ChosenPoster;
use super::registration::{Registration, Visibility};
use super::upcast;
use crate::captions::{Captions, LanguageTag};
use crate::plan::Plan;
use crate::schema::{Schema, Unreadable, Written};
use crate::source::{Rejection, SourceFacts, StoredSource};
use crate::{Playable, Quality, Run, Thumbnails, Variant};

/// A fact about a clip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ClipEvent {
    /// The clip became known.
    ClipRegistered(Registration),
    /// Something else is told of it.
    DetailsChanged(ChangedDetails),
    /// Others may watch it.
    VisibilityChanged {
        /// Who may now.
        visibility: Visibility,
    },
    /// It was taken away from everyone.
    ClipDeleted {
        /// Until then it may be restored.
        purge_after: DateTime<Utc>,
    },
    /// It was given back.
    ClipRestored {},
    /// Its media began to be removed; it cannot be restored any more.
    PurgeStarted {},
    /// None of its media is left.
    MediaPurged {
        /// How many objects were removed at last.
        objects: u64,
        /// How many bytes.
        bytes: u64,
    },
    /// A source lies whole in the media store.
    SourceStored(StoredSource),
    /// The source was understood.
    SourceProbed(SourceFacts),
    /// The source cannot be used; the encoding ended.
    SourceRejected {
        /// The encoding that ended.
        generation: u32,
        /// Why.
        rejection: Rejection,
    },
    /// Renditions were asked for.
    EncodingRequested {
        /// Counts the encodings of the clip from 1.
        generation: u32,
        /// The rungs that were asked for.
        qualities: Vec<Quality>,
        /// Higher goes first within a class.
        priority: i32,
        /// Fresh uploads go before re-encodes, those before backfill.
        class: EncodingClass,
    },
    /// It was decided what to encode.
    EncodingPlanned {
        /// The encoding.
        generation: u32,
        /// What was decided.
        plan: Plan,
    },
    /// A worker began an attempt.
    EncodingStarted {
        /// The encoding.
        generation: u32,
        /// The unit of work.
        unit: u32,
        /// The fencing token of the worker's lease.
        token: i64,
        /// Who works.
        worker: String,
    },
    /// The first segment of a rung can be played.
    VariantPlayable {
        /// The encoding.
        generation: u32,
        /// What can be said of it already.
        variant: Playable,
    },
    /// Segments lie verified in the store.
    SegmentsStored {
        /// The encoding.
        generation: u32,
        /// The unit of work.
        unit: u32,
        /// By rung.
        runs: Vec<Run>,
    },
    /// The copy of the source does not pass the validator: this encoding ended, the next one copies nothing.
    CopyAbandoned {
        /// The encoding.
        generation: u32,
        /// The rung.
        quality: Quality,
        /// Why.
        reason: String,
    },
    /// Every segment of a unit is stored.
    UnitEncoded {
        /// The encoding.
        generation: u32,
        /// The unit of work.
        unit: u32,
        /// The fencing token of the attempt.
        token: i64,
    },
    /// A rendition is published.
    VariantReady {
        /// The encoding.
        generation: u32,
        /// What was measured from its bytes.
        variant: Variant,
    },
    /// A rendition would show nothing that a smaller one does not, and is not made.
    VariantSkipped {
        /// The encoding.
        generation: u32,
        /// The rung.
        quality: Quality,
    },
    /// A rendition was given up.
    VariantFailed {
        /// The encoding.
        generation: u32,
        /// The rung.
        quality: Quality,
        /// Why.
        reason: String,
    },
    /// There are still pictures of it.
    ThumbnailsReady {
        /// The encoding.
        generation: u32,
        /// What they are.
        thumbnails: Thumbnails,
    },
    /// There are captions in a language.
    CaptionsAdded {
        /// The captions.
        captions: Captions,
        /// The object of the captions that they take the place of.
        replaced: Option<String>,
    },
    /// There are no captions in a language any more.
    CaptionsRemoved {
        /// The language.
        language: LanguageTag,
        /// The object that is not needed any more.
        object: String,
    },
    /// Somebody chose the picture that stands for it.
    PosterChosen {
        /// The picture.
        poster: ChosenPoster,
        /// The object of the picture that it takes the place of.
        replaced: Option<String>,
    },
    /// Whatever picture an encoding finds stands for it again.
    PosterReset {
        /// The object that is not needed any more.
        object: String,
    },
    /// Nothing is left to be done.
    EncodingCompleted {
        /// The encoding.
        generation: u32,
        /// The published rungs.
        qualities: Vec<Quality>,
        /// The rungs that were given up.
        failed: Vec<Quality>,
    },
    /// Somebody stopped it.
    EncodingCancelled {
        /// The encoding.
        generation: u32,
    },
    /// An attempt broke off.
    EncodingFailed {
        /// The encoding.
        generation: u32,
        /// The unit of work.
        unit: u32,
        /// The fencing token of the attempt.
        token: i64,
        /// Whose fault it is.
        class: FailureClass,
        /// The stable code.
        code: String,
        /// A sentence.
        detail: String,
        /// When it is tried again; never, when absent.
        retry_at: Option<DateTime<Utc>>,
    },
}

/// Which encodings go before which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncodingClass {
    /// A clip that nobody can watch yet.
    Fresh,
    /// A new generation of a clip that plays.
    Reencode,
    /// An old clip that never had HLS.
    Backfill,
}

impl FailureClass {
    /// The name in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Resource => "resource",
            Self::Content => "content",
        }
    }
}

impl EncodingClass {
    /// Every class, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Fresh, Self::Reencode, Self::Backfill];

    /// The name in tables and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Reencode => "reencode",
            Self::Backfill => "backfill",
        }
    }
}

impl FromStr for EncodingClass {
    type Err = UnknownClass;

    fn from_str(name: &str) -> Result<Self, UnknownClass> {
        let named = |class: &Self| class.as_str() == name;
        Self::ALL
            .into_iter()
            .find(named)
            .ok_or_else(|| UnknownClass(name.to_owned()))
    }
}

/// A word that names no class of encodings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no class of encodings: there are fresh, reencode and backfill")]
pub struct UnknownClass(String);

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// A fault of the program or the machine: tried again, later.
    Ours,
    /// Too little memory, disk or time: tried again, smaller.
    Resource,
    /// The source itself: trying again would not help.
    Content,
}

impl DomainEvent for ClipEvent {
    fn event_type(&self) -> String {
        match self {
            Self::ClipRegistered(_) => "ClipRegistered",
            Self::DetailsChanged(_) => "DetailsChanged",
            Self::VisibilityChanged { .. } => "VisibilityChanged",
            Self::ClipDeleted { .. } => "ClipDeleted",
            Self::ClipRestored {} => "ClipRestored",
            Self::PurgeStarted {} => "PurgeStarted",
            Self::MediaPurged { .. } => "MediaPurged",
            Self::SourceStored(_) => "SourceStored",
            Self::SourceProbed(_) => "SourceProbed",
            Self::SourceRejected { .. } => "SourceRejected",
            Self::EncodingRequested { .. } => "EncodingRequested",
            Self::EncodingPlanned { .. } => "EncodingPlanned",
            Self::EncodingStarted { .. } => "EncodingStarted",
            Self::VariantPlayable { .. } => "VariantPlayable",
            Self::SegmentsStored { .. } => "SegmentsStored",
            Self::CopyAbandoned { .. } => "CopyAbandoned",
            Self::UnitEncoded { .. } => "UnitEncoded",
            Self::VariantReady { .. } => "VariantReady",
            Self::VariantSkipped { .. } => "VariantSkipped",
            Self::VariantFailed { .. } => "VariantFailed",
            Self::ThumbnailsReady { .. } => "ThumbnailsReady",
            Self::CaptionsAdded { .. } => "CaptionsAdded",
            Self::CaptionsRemoved { .. } => "CaptionsRemoved",
            Self::PosterChosen { .. } => "PosterChosen",
            Self::PosterReset { .. } => "PosterReset",
            Self::EncodingCompleted { .. } => "EncodingCompleted",
            Self::EncodingCancelled { .. } => "EncodingCancelled",
            Self::EncodingFailed { .. } => "EncodingFailed",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        Self::current_version(&self.event_type()).unwrap_or(1).to_string()
    }
}

impl Schema for ClipEvent {
    const VERSIONS: &'static [(&'static str, i64)] = &[
        ("ClipRegistered", 3),
        ("DetailsChanged", 1),
        ("VisibilityChanged", 1),
        ("ClipDeleted", 1),
        ("ClipRestored", 1),
        ("PurgeStarted", 1),
        ("MediaPurged", 1),
        ("SourceStored", 1),
        ("SourceProbed", 2),
        ("SourceRejected", 1),
        ("EncodingRequested", 1),
        ("EncodingPlanned", 2),
        ("EncodingStarted", 2),
        ("VariantPlayable", 1),
        ("SegmentsStored", 1),
        ("CopyAbandoned", 1),
        ("UnitEncoded", 1),
        ("VariantReady", 2),
        ("VariantSkipped", 1),
        ("VariantFailed", 1),
        ("ThumbnailsReady", 1),
        ("CaptionsAdded", 1),
        ("CaptionsRemoved", 1),
        ("PosterChosen", 1),
        ("PosterReset", 1),
        ("EncodingCompleted", 1),
        ("EncodingCancelled", 1),
        ("EncodingFailed", 2),
    ];

    fn upcast(old: Written<Value>) -> Result<Vec<Written<Value>>, Unreadable> {
        Ok(vec![upcast::step(old)])
    }
}
