//! The picture that somebody chose to stand for a clip, in place of the one that an encoding finds. It belongs to no
//! generation and outlives encodings.

use serde::{Deserialize, Serialize};

use super::Clip;
use super::event::ClipEvent;
use super::refusal::Refusal;

/// A picture that was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenPoster {
    /// Where it lies in the media store.
    pub object: String,
    /// The hash of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// The moment of the clip that it shows; nothing, when it was handed in.
    pub at_ms: Option<u64>,
}

impl Clip {
    pub(super) fn choose_poster(&self, poster: ChosenPoster) -> Result<Vec<ClipEvent>, Refusal> {
        self.registration.as_ref().ok_or(Refusal::NotRegistered)?;
        let replaced = match &self.poster {
            Some(known) if known.sha256 == poster.sha256 => return Ok(vec![]),
            Some(known) => Some(known.object.clone()),
            None => None,
        };
        Ok(vec![ClipEvent::PosterChosen { poster, replaced }])
    }

    pub(super) fn reset_poster(&self) -> Vec<ClipEvent> {
        let known = self.poster.as_ref();
        let reset = known.map(|known| ClipEvent::PosterReset {
            object: known.object.clone(),
        });
        reset.into_iter().collect()
    }
}
