//! What makes a clip known, and who may watch it.

use chrono::{DateTime, Utc};
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
    /// Where the source can be had, for a clip that was known elsewhere before.
    pub source_url: Option<String>,
    /// Views that it had elsewhere.
    pub views: u64,
    /// When it was made, if that was elsewhere and before.
    pub created_at: Option<DateTime<Utc>>,
}

/// The most letters of a title.
pub const MAX_TITLE: usize = 300;

/// Whether a text may be a clip's title.
pub fn is_fit_title(title: &str) -> bool {
    !title.is_empty() && title.chars().count() <= MAX_TITLE && !title.contains(char::is_control)
}

/// Whether a text may be an address that pages show.
pub fn is_web_address(url: &str) -> bool {
    let web = url.starts_with("https://") || url.starts_with("http://");
    web && !url.contains(|c: char| c.is_control() || c.is_whitespace())
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
