//! What happened to a clip. A published event is never edited: a new shape is a new schema version with an upcaster.

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::registration::Registration;
use crate::plan::Plan;
use crate::source::{Rejection, SourceFacts, StoredSource};
use crate::{Quality, Variant};

/// A fact about a clip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ClipEvent {
    /// The clip became known.
    ClipRegistered(Registration),
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
        /// The fencing token of the worker's lease.
        token: i64,
        /// Who works.
        worker: String,
    },
    /// A rendition is published.
    VariantReady {
        /// The encoding.
        generation: u32,
        /// What was measured from its bytes.
        variant: Variant,
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
    /// Nothing is left to be done.
    EncodingCompleted {
        /// The encoding.
        generation: u32,
        /// The published rungs.
        qualities: Vec<Quality>,
        /// The rungs that were given up.
        failed: Vec<Quality>,
    },
    /// An attempt broke off.
    EncodingFailed {
        /// The encoding.
        generation: u32,
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

impl EncodingClass {
    /// The name in tables and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Reencode => "reencode",
            Self::Backfill => "backfill",
        }
    }
}

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
            Self::SourceStored(_) => "SourceStored",
            Self::SourceProbed(_) => "SourceProbed",
            Self::SourceRejected { .. } => "SourceRejected",
            Self::EncodingRequested { .. } => "EncodingRequested",
            Self::EncodingPlanned { .. } => "EncodingPlanned",
            Self::EncodingStarted { .. } => "EncodingStarted",
            Self::VariantReady { .. } => "VariantReady",
            Self::VariantFailed { .. } => "VariantFailed",
            Self::EncodingCompleted { .. } => "EncodingCompleted",
            Self::EncodingFailed { .. } => "EncodingFailed",
        }
        .to_owned()
    }

    /// Every event is in its first shape so far.
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}
