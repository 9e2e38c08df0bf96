//! What can be asked of a clip.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::event::{FailureClass, Visibility};
use crate::plan::PlanSettings;
use crate::source::{Rejection, SourceFacts};
use crate::{Quality, Slug, Variant};

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

/// What makes a clip known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// The readable name in addresses.
    pub slug: Slug,
    /// The title that viewers see.
    pub title: String,
    /// Who may change the clip.
    pub owner_id: String,
    /// Who may watch it.
    pub visibility: Visibility,
    /// The page's fallback while there is no HLS.
    pub embed_url: Option<String>,
    /// Where the clip came from.
    pub twitch_clip_url: Option<String>,
}

/// A source that lies whole in the media store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSource {
    /// Where, relative to the root of the media store.
    pub object: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the bytes in lower-case hexadecimal.
    pub sha256: String,
    /// The name that it was uploaded under.
    pub filename: Option<String>,
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
