//! Captions of a clip: any number of languages within reason, one track for each.

use super::Clip;
use super::event::ClipEvent;
use super::refusal::Refusal;
use crate::captions::{Captions, LanguageTag};

/// More tracks than there are languages that people caption clips in.
const MAX_TRACKS: usize = 100;

impl Clip {
    pub(super) fn add_captions(&self, captions: Captions) -> Result<Vec<ClipEvent>, Refusal> {
        self.registration.as_ref().ok_or(Refusal::NotRegistered)?;
        let replaced = match self.captions.get(&captions.language) {
            Some(known) if known.sha256 == captions.sha256 => return Ok(vec![]),
            Some(known) => Some(known.object.clone()),
            None if self.captions.len() >= MAX_TRACKS => {
                return Err(Refusal::TooManyCaptions { most: MAX_TRACKS });
            }
            None => None,
        };
        Ok(vec![ClipEvent::CaptionsAdded { captions, replaced }])
    }

    pub(super) fn keep_captions(&mut self, captions: Captions) {
        self.captions.insert(captions.language.clone(), captions);
    }

    pub(super) fn drop_captions(&mut self, language: &LanguageTag) {
        self.captions.remove(language);
    }

    pub(super) fn remove_captions(&self, language: LanguageTag) -> Result<Vec<ClipEvent>, Refusal> {
        match self.captions.get(&language) {
            Some(known) => Ok(vec![ClipEvent::CaptionsRemoved {
                language,
                object: known.object.clone(),
            }]),
            None => Err(Refusal::NoCaptions { language }),
        }
    }
}
