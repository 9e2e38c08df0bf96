//! Why a clip does not do what it was asked.

use chrono::{DateTime, Utc};

use crate::captions::LanguageTag;
use crate::{Quality, Slug};

/// A command that the clip refuses. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The command needs a clip, and there is none.
    #[error("the clip is not registered")]
    NotRegistered,
    /// Another clip has this slug.
    #[error("the slug `{slug}` is taken")]
    SlugTaken {
        /// The slug.
        slug: Slug,
    },
    /// Somebody else changed it since.
    #[error("the clip was changed meanwhile: you saw revision {seen}, the current one is {current}")]
    Outdated {
        /// What the caller saw.
        seen: u32,
        /// What there is.
        current: u32,
    },
    /// It was deleted.
    #[error("the clip was deleted")]
    Deleted,
    /// It was not deleted.
    #[error("the clip is not deleted")]
    NotDeleted,
    /// It may still be restored.
    #[error("the clip may be restored until {until}")]
    Restorable {
        /// Until when.
        until: DateTime<Utc>,
    },
    /// Its media is gone, or going.
    #[error("the clip was deleted for good")]
    Purged,
    /// The clip has a source already.
    #[error("the clip has a source already")]
    SourceExists,
    /// There is no encoding to work on.
    #[error("the clip has nothing to encode")]
    NothingToEncode,
    /// The encoding has ended, or another generation took its place.
    #[error("encoding {generation} has ended")]
    EncodingEnded {
        /// The encoding.
        generation: u32,
    },
    /// The unit of work is done.
    #[error("unit {unit} is done")]
    UnitDone {
        /// The unit.
        unit: u32,
    },
    /// An encoding is under way.
    #[error("encoding {generation} is under way")]
    EncodingUnderWay {
        /// The encoding.
        generation: u32,
    },
    /// Another worker holds the lease by now.
    #[error("the lease with token {token} was lost; the current one is {current}")]
    LeaseLost {
        /// The caller's token.
        token: i64,
        /// The latest token.
        current: i64,
    },
    /// The rung is not part of the plan.
    #[error("{quality} is not part of the plan")]
    NotPlanned {
        /// The rung.
        quality: Quality,
    },
    /// The clip has no captions in this language.
    #[error("the clip has no captions in `{language}`")]
    NoCaptions {
        /// The language.
        language: LanguageTag,
    },
    /// The clip has captions in as many languages as it may.
    #[error("a clip may have captions in {most} languages")]
    TooManyCaptions {
        /// How many that is.
        most: usize,
    },
    /// Rungs are missing.
    #[error("{} rungs are missing", missing.len())]
    Unfinished {
        /// The rungs.
        missing: Vec<Quality>,
    },
}
