//! What viewers are told of a clip, and who may watch it: what its owner may change at any time.

use serde::{Deserialize, Deserializer, Serialize};

use super::Clip;
use super::event::ClipEvent;
use super::refusal::Refusal;
use super::registration::{Registration, Visibility};

/// The most letters of a description.
pub const MAX_DESCRIPTION: usize = 5_000;

/// Whether a text may be a clip's description.
pub fn is_fit_description(text: &str) -> bool {
    let allowed = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    text.chars().count() <= MAX_DESCRIPTION && text.chars().all(allowed)
}

/// What is told of a clip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// The title.
    pub title: String,
    /// What it shows, in plain text.
    pub description: Option<String>,
    /// The page's fallback while there is no HLS.
    pub embed_url: Option<String>,
    /// Where the clip came from.
    pub twitch_clip_url: Option<String>,
    /// Who may watch it.
    pub visibility: Visibility,
    /// Counts what was changed of these, from 1: who changes them can say what they saw.
    pub revision: u32,
}

/// Details that are different; those that are absent stay. What may be empty is emptied by a `null`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedDetails {
    /// The title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it shows.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub description: Option<Option<String>>,
    /// The fallback.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub embed_url: Option<Option<String>>,
    /// Where it came from.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub twitch_clip_url: Option<Option<String>>,
}

/// What is written is there, also a `null`: what is absent gets the default.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

impl ChangedDetails {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Details {
    pub(super) fn first(registration: &Registration) -> Self {
        Self {
            title: registration.title.clone(),
            description: None,
            embed_url: registration.embed_url.clone(),
            twitch_clip_url: registration.twitch_clip_url.clone(),
            visibility: registration.visibility,
            revision: 1,
        }
    }

    fn different(&self, wanted: ChangedDetails) -> ChangedDetails {
        ChangedDetails {
            title: wanted.title.filter(|title| *title != self.title),
            description: wanted.description.filter(|text| *text != self.description),
            embed_url: wanted.embed_url.filter(|url| *url != self.embed_url),
            twitch_clip_url: wanted.twitch_clip_url.filter(|url| *url != self.twitch_clip_url),
        }
    }

    fn change(&mut self, changed: ChangedDetails) {
        self.revision += 1;
        if let Some(title) = changed.title {
            self.title = title;
        }
        if let Some(description) = changed.description {
            self.description = description;
        }
        if let Some(embed_url) = changed.embed_url {
            self.embed_url = embed_url;
        }
        if let Some(twitch_clip_url) = changed.twitch_clip_url {
            self.twitch_clip_url = twitch_clip_url;
        }
    }
}

impl Clip {
    /// Only what is different is a fact.
    pub(super) fn change_details(
        &self,
        wanted: ChangedDetails,
        visibility: Option<Visibility>,
        seen: Option<u32>,
    ) -> Result<Vec<ClipEvent>, Refusal> {
        let details = self.details.as_ref().ok_or(Refusal::NotRegistered)?;
        let current = details.revision;
        if let Some(seen) = seen.filter(|seen| *seen != current) {
            return Err(Refusal::Outdated { seen, current });
        }
        let different = details.different(wanted);
        let details_changed = (!different.is_empty()).then_some(ClipEvent::DetailsChanged(different));
        let visibility = visibility.filter(|visibility| *visibility != details.visibility);
        let visibility_changed = visibility.map(|visibility| ClipEvent::VisibilityChanged { visibility });
        Ok(details_changed.into_iter().chain(visibility_changed).collect())
    }

    pub(super) fn adopt_details(&mut self, changed: ChangedDetails) {
        if let Some(details) = &mut self.details {
            details.change(changed);
        }
    }

    pub(super) fn show_to(&mut self, visibility: Visibility) {
        if let Some(details) = &mut self.details {
            details.visibility = visibility;
            details.revision += 1;
        }
    }
}
