//! What can be asked of a clip.

use chrono::{DateTime, Utc};

use super::event::FailureClass;
use super::registration::Registration;
use crate::plan::PlanSettings;
use crate::source::{Rejection, SourceFacts, StoredSource};
use crate::{Quality, Variant};

/// A request to change a clip. Those of a worker carry the fencing token of its lease.
#[derive(Clone, Debug, PartialEq)]
pub enum ClipCommand {
    /// Make the clip known.
    Register(Registration),
    /// A source was stored whole; encode it.
    StoreSource(StoredSource),
    /// A worker took the lease of an encoding.
    StartEncoding {
        /// The encoding.
        generation: u32,
        /// The worker's fencing token.
        token: i64,
        /// Who works.
        worker: String,
    },
    /// The probe understood the source.
    RecordProbe {
        /// The encoding.
        generation: u32,
        /// The worker's fencing token.
        token: i64,
        /// What was found.
        facts: SourceFacts,
        /// What the operator chose.
        settings: PlanSettings,
    },
    /// The probe refused the source.
    RejectSource {
        /// The encoding.
        generation: u32,
        /// The worker's fencing token.
        token: i64,
        /// Why.
        rejection: Rejection,
    },
    /// A rendition is stored and has passed the validator.
    PublishVariant {
        /// The encoding.
        generation: u32,
        /// The worker's fencing token.
        token: i64,
        /// What was measured from its bytes.
        variant: Variant,
    },
    /// A rendition cannot be made.
    GiveUpVariant {
        /// The encoding.
        generation: u32,
        /// The worker's fencing token.
        token: i64,
        /// The rung.
        quality: Quality,
        /// Why.
        reason: String,
    },
    /// Every rung is published or given up.
    FinishEncoding {
        /// The encoding.
        generation: u32,
        /// The worker's fencing token.
        token: i64,
    },
    /// The attempt broke off.
    FailEncoding {
        /// The encoding.
        generation: u32,
        /// The worker's fencing token.
        token: i64,
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
