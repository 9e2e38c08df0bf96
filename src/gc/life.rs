//! Which generations of a clip are alive, and since when the others are not: what the aggregate says, event by event.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use clipper_domain::ClipId;
use clipper_domain::clip::{Clip, ClipEvent, DeletedMedia};
use cqrs_es::Aggregate;

use super::Kind;
use crate::storage::{Log, Logs, StorageError};

/// The generations of a clip.
#[derive(Debug, Default)]
pub(super) struct Life {
    clip: Clip,
    ended: BTreeMap<u32, (Kind, DateTime<Utc>)>,
}

impl Life {
    pub(super) async fn of(logs: &Logs, id: ClipId) -> Result<Self, StorageError> {
        let mut life = Self::default();
        for stored in logs.stream(Log::Clip, &id.stream(), 0).await? {
            let raw = stored.event;
            let events = raw.read().map_err(|source| StorageError::Unreadable {
                position: raw.position,
                source,
            })?;
            for event in events {
                life.live_through(event, raw.recorded_at);
            }
        }
        Ok(life)
    }

    fn live_through(&mut self, event: ClipEvent, at: DateTime<Utc>) {
        let (playing, before) = (self.clip.published(), self.alive());
        self.clip.apply(event);
        let after = self.alive();
        for generation in before.difference(&after) {
            let kind = if playing == Some(*generation) {
                Kind::Replaced
            } else {
                Kind::Unfinished
            };
            self.ended.insert(*generation, (kind, at));
        }
    }

    /// Whether the log knows of the clip at all.
    pub(super) fn is_known(&self) -> bool {
        self.clip.registration().is_some()
    }

    /// Whether nothing of it is needed any more.
    pub(super) fn is_purged(&self) -> bool {
        let deletion = self.clip.deletion();
        deletion.is_some_and(|deletion| deletion.media != DeletedMedia::Kept)
    }

    /// What plays, and what is worked on.
    fn alive(&self) -> BTreeSet<u32> {
        self.clip.published().into_iter().chain(self.open()).collect()
    }

    fn open(&self) -> Option<u32> {
        let open = self.clip.encoding().filter(|encoding| !encoding.ended);
        open.map(|encoding| encoding.generation)
    }

    pub(super) fn is_alive(&self, generation: u32) -> bool {
        self.alive().contains(&generation)
    }

    pub(super) fn is_open(&self, generation: u32) -> bool {
        self.open() == Some(generation)
    }

    /// When a generation ended, and as what.
    pub(super) fn ended(&self, generation: u32) -> Option<(Kind, DateTime<Utc>)> {
        self.ended.get(&generation).copied()
    }

    pub(super) fn has_source(&self, object: &str) -> bool {
        self.clip.source().is_some_and(|source| source.object == object)
    }
}

#[cfg(test)]
mod tests {
    use clipper_domain::Quality;
    use clipper_domain::clip::EncodingClass;

    use super::*;

    fn requested(generation: u32) -> ClipEvent {
        ClipEvent::EncodingRequested {
            generation,
            qualities: vec![Quality::P480],
            priority: 5,
            class: EncodingClass::Fresh,
        }
    }

    fn completed(generation: u32) -> ClipEvent {
        ClipEvent::EncodingCompleted {
            generation,
            qualities: vec![Quality::P480],
            failed: vec![],
        }
    }

    #[test]
    fn what_plays_is_alive_until_a_later_generation_is_whole() {
        let at = |seconds: i64| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        let mut life = Life::default();
        life.live_through(requested(1), at(1));
        assert!(life.is_open(1));
        life.live_through(completed(1), at(2));
        assert!(life.is_alive(1) && !life.is_open(1));
        life.live_through(requested(2), at(3));
        assert!(life.is_alive(1) && life.is_alive(2));
        life.live_through(ClipEvent::EncodingCancelled { generation: 2 }, at(4));
        assert_eq!(life.ended(2), Some((Kind::Unfinished, at(4))));
        assert!(life.is_alive(1), "it plays on");
        life.live_through(requested(3), at(5));
        life.live_through(completed(3), at(6));
        assert_eq!(life.ended(1), Some((Kind::Replaced, at(6))));
        assert!(life.is_alive(3) && !life.is_alive(1));
        assert_eq!(life.ended(4), None, "nobody knows of it");
    }
}
