//! The media that a player holds, as stretches of one rendition each.

use std::collections::VecDeque;

use crate::simulate::Millis;

/// Media ahead of the playhead.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    stretches: VecDeque<Stretch>,
    /// Where it ends, and where the next segment is to begin.
    pub(super) end: Millis,
}

/// Media of one rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) ends: Millis,
    pub(super) rung: usize,
}

impl Buffer {
    pub(super) fn ahead_of(&self, playhead: Millis) -> Millis {
        self.end.saturating_sub(playhead)
    }

    pub(super) fn push(&mut self, ends: Millis, rung: usize) {
        self.end = self.end.max(ends);
        match self.stretches.back_mut() {
            Some(last) if last.rung == rung => last.ends = self.end,
            Some(_) | None => self.stretches.push_back(Stretch { ends: self.end, rung }),
        }
    }

    /// Forgets what lies behind the playhead, and tells in which stretch it is.
    pub(super) fn at(&mut self, playhead: Millis) -> Option<Stretch> {
        while self
            .stretches
            .front()
            .is_some_and(|stretch| stretch.ends <= playhead)
        {
            self.stretches.pop_front();
        }
        self.stretches.front().copied()
    }

    /// The stretch that is being played.
    pub(super) fn front(&self) -> Option<Stretch> {
        self.stretches.front().copied()
    }

    /// Begins anew at another place.
    pub(super) fn restart(&mut self, at: Millis) {
        self.stretches.clear();
        self.end = at;
    }
}
