//! What happened to a clip. A published event is never edited: a new shape is a new schema version with an upcaster.

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::registration::Registration;
use crate::plan::Plan;
use crate::schema::{Schema, Unreadable, Written};
use crate::source::{Rejection, SourceFacts, StoredSource};
use crate::{PersonId, Quality, Variant};

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

    fn event_version(&self) -> String {
        Self::current_version(&self.event_type()).unwrap_or(1).to_string()
    }
}

impl Schema for ClipEvent {
    const VERSIONS: &'static [(&'static str, i64)] = &[
        ("ClipRegistered", 2),
        ("SourceStored", 1),
        ("SourceProbed", 1),
        ("SourceRejected", 1),
        ("EncodingRequested", 1),
        ("EncodingPlanned", 1),
        ("EncodingStarted", 1),
        ("VariantReady", 1),
        ("VariantFailed", 1),
        ("EncodingCompleted", 1),
        ("EncodingFailed", 1),
    ];

    /// Version 1 of `ClipRegistered` named the owner in the clear as `owner_id`.
    fn upcast(mut old: Written<Value>) -> Result<Vec<Written<Value>>, Unreadable> {
        if let Some(registration) = old.payload.as_object_mut() {
            let owner_id = registration.remove("owner_id").unwrap_or_default();
            let owner = PersonId::of_named(owner_id.as_str().unwrap_or_default());
            registration.insert("owner".to_owned(), serde_json::json!(owner));
        }
        old.schema_version = 2;
        Ok(vec![old])
    }
}
