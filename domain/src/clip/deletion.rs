//! The end of a clip: it is deleted, may be restored for a while, and then its media goes for ever.
//!
//! Media is removed between two events. The first is the fence: whoever restores a clip does it before that, or not at all.
//! What was begun and not finished is begun again, and removes what is left.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Clip;
use super::command::EncodingOrder;
use super::encoding::Encoding;
use super::event::ClipEvent;
use super::refusal::Refusal;

/// How a clip was deleted, and how far that has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deletion {
    /// Until then it may be restored.
    pub purge_after: DateTime<Utc>,
    /// The encoding that the deletion stopped.
    pub stopped: Option<EncodingOrder>,
    /// What became of its media.
    pub media: DeletedMedia,
}

/// What became of the media of a deleted clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeletedMedia {
    /// It is there.
    Kept,
    /// It is being removed.
    Going,
    /// It is gone.
    Gone,
}

impl Clip {
    /// How it was deleted, if it is.
    pub fn deletion(&self) -> Option<&Deletion> {
        self.deletion.as_ref()
    }

    pub(super) fn delete(&self, purge_after: DateTime<Utc>) -> Result<Vec<ClipEvent>, Refusal> {
        self.registration.as_ref().ok_or(Refusal::NotRegistered)?;
        if self.deletion.is_some() {
            return Ok(vec![]);
        }
        // What the deletion stops is stopped after it, so that it is known as such.
        let deleted = ClipEvent::ClipDeleted { purge_after };
        Ok([deleted].into_iter().chain(self.cancel()).collect())
    }

    /// What the deletion stopped begins anew.
    pub(super) fn restore(&self) -> Result<Vec<ClipEvent>, Refusal> {
        self.registration.as_ref().ok_or(Refusal::NotRegistered)?;
        let Some(deletion) = &self.deletion else {
            return Ok(vec![]);
        };
        if deletion.media != DeletedMedia::Kept {
            return Err(Refusal::Purged);
        }
        let again = deletion.stopped.clone();
        let again = again.map(|order| Encoding::next(self.generation(), order));
        Ok([ClipEvent::ClipRestored {}].into_iter().chain(again).collect())
    }

    /// Without a time, whoever asks does not wait until the clip cannot be wanted back.
    pub(super) fn start_purge(&self, at: Option<DateTime<Utc>>) -> Result<Vec<ClipEvent>, Refusal> {
        let deletion = self.deletion.as_ref().ok_or(Refusal::NotDeleted)?;
        if deletion.media != DeletedMedia::Kept {
            return Ok(vec![]);
        }
        let until = deletion.purge_after;
        if at.is_some_and(|at| at < until) {
            return Err(Refusal::Restorable { until });
        }
        Ok(vec![ClipEvent::PurgeStarted {}])
    }

    pub(super) fn finish_purge(&self, objects: u64, bytes: u64) -> Result<Vec<ClipEvent>, Refusal> {
        match self.deletion.as_ref().ok_or(Refusal::NotDeleted)?.media {
            DeletedMedia::Kept => Err(Refusal::NotDeleted),
            DeletedMedia::Going => Ok(vec![ClipEvent::MediaPurged { objects, bytes }]),
            DeletedMedia::Gone => Ok(vec![]),
        }
    }

    pub(super) fn note_deletion(&mut self, purge_after: DateTime<Utc>) {
        self.deletion = Some(Deletion {
            purge_after,
            stopped: None,
            media: DeletedMedia::Kept,
        });
    }

    pub(super) fn note_cancellation(&mut self) {
        if let (Some(deletion), Some(encoding)) = (&mut self.deletion, &self.encoding) {
            deletion.stopped = Some(encoding.order.clone());
        }
        self.assign_to_encoding(Encoding::end);
    }

    /// From here on nothing of it is needed.
    pub(super) fn let_media_go(&mut self) {
        self.source = None;
        self.facts = None;
        self.published = None;
        self.captions.clear();
        self.poster = None;
        self.assign_to_encoding(Encoding::end);
        self.note_media(DeletedMedia::Going);
    }

    pub(super) fn note_media(&mut self, media: DeletedMedia) {
        if let Some(deletion) = &mut self.deletion {
            deletion.media = media;
        }
    }
}
