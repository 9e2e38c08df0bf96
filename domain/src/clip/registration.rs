//! What makes a clip known, and who may watch it.

use serde::{Deserialize, Serialize};

use crate::{PersonId, Slug};

/// What makes a clip known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// The readable name in addresses.
    pub slug: Slug,
    /// The title that viewers see.
    pub title: String,
    /// Who may change the clip.
    pub owner: PersonId,
    /// Who may watch it.
    pub visibility: Visibility,
    /// The page's fallback while there is no HLS.
    pub embed_url: Option<String>,
    /// Where the clip came from.
    pub twitch_clip_url: Option<String>,
}

/// Who may watch a clip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everyone.
    #[default]
    Public,
    /// Its owner.
    Private,
}

impl Visibility {
    /// The name in tables and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}
