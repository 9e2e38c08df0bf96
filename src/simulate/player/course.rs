//! The course of a session: what happens next, and what that changes.

use clipper_domain::report::PlayerState;

use super::Player;
use crate::simulate::Millis;
use crate::simulate::record::Event;
use crate::simulate::truth::Outcome;

/// How long a player needs to go on elsewhere in what it has.
const SEEK: Millis = 80;
/// Who has looked around so often watches the rest: otherwise some would never come to an end.
const MOST_SEEKS: u32 = 20;

/// What happens by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Happening {
    /// There is enough to play.
    Ready,
    /// The playhead reaches another rendition.
    Crossing,
    /// The playhead reaches the end of what is there.
    Drained,
    /// It was too much, or enough.
    Leaving(Outcome),
    Seek,
    Pause,
    Resume,
    Interval,
    /// Room for another segment.
    Hungry,
}

impl Player {
    /// Lets time pass until a moment; false, when the player lets go of what it is waiting for before that.
    pub(super) fn pass_until(&mut self, until: Millis) -> bool {
        while self.outcome.is_none() {
            let Some((at, happening)) = self.soonest() else {
                break;
            };
            // What comes at the moment at which the buffer is empty comes in time.
            if at > until || (at == until && happening == Happening::Drained) {
                break;
            }
            self.move_to(at);
            if self.happen(happening) == LetsGo::Yes {
                return false;
            }
        }
        if self.outcome.is_some() {
            return false;
        }
        self.move_to(until);
        true
    }

    /// Lets time pass until the next thing happens, which may be that there is room for another segment.
    pub(super) fn pass_one(&mut self, hungry: bool) {
        let mut next = self.soonest();
        if hungry && self.state == PlayerState::Playing {
            let ahead = self.buffer.ahead_of(self.playhead);
            let at = self.now + ahead.saturating_sub(self.setup.target);
            next = next
                .filter(|(soonest, _)| *soonest <= at)
                .or(Some((at, Happening::Hungry)));
        }
        match next {
            Some((at, happening)) => {
                self.move_to(at);
                self.happen(happening);
            }
            // Nothing happens in a session that waits for nothing: it would never end.
            None => self.fail("stuck"),
        }
    }

    /// What happens next; of what happens at the same moment, the first in this list.
    fn soonest(&self) -> Option<(Millis, Happening)> {
        let patience = match self.state {
            PlayerState::Starting => Some((self.habits.waits_to_start, Outcome::LeftStarting)),
            PlayerState::Rebuffering | PlayerState::Seeking => {
                Some((self.habits.waits_for_media, Outcome::LeftWaiting))
            }
            PlayerState::Playing
            | PlayerState::Paused
            | PlayerState::Ended
            | PlayerState::Fatal
            | PlayerState::Quit
            | PlayerState::Preloading => None,
        };
        let ready = patience.filter(|_| self.has_enough());
        let impatient = patience.map(|(bears, outcome)| (self.since + bears, Happening::Leaving(outcome)));
        let resume = (self.state == PlayerState::Paused).then_some((self.resumes_at, Happening::Resume));
        let candidates = [
            ready.map(|_| (self.ready_at.max(self.now), Happening::Ready)),
            self.reached(),
            self.after_playing(self.habits.watches, Happening::Leaving(Outcome::Left)),
            impatient,
            self.after_playing(self.next_seek, Happening::Seek),
            self.after_playing(self.next_pause, Happening::Pause),
            resume,
            Some((self.next_interval, Happening::Interval)),
        ];
        let happenings = candidates.into_iter().flatten();
        let soonest = happenings.min_by_key(|(at, _)| *at);
        soonest.map(|(at, happening)| (at.max(self.now), happening))
    }

    /// Where the playhead gets to the end of what is of one rendition.
    fn reached(&self) -> Option<(Millis, Happening)> {
        if self.state != PlayerState::Playing {
            return None;
        }
        let ends = self.buffer.front().map_or(self.playhead, |stretch| stretch.ends);
        let happening = if ends < self.buffer.end {
            Happening::Crossing
        } else {
            Happening::Drained
        };
        Some((self.now + ends.saturating_sub(self.playhead), happening))
    }

    /// When there has been so much playing.
    fn after_playing(&self, limit: Option<Millis>, happening: Happening) -> Option<(Millis, Happening)> {
        let left = limit?.saturating_sub(self.measures.playing_ms);
        (self.state == PlayerState::Playing).then_some((self.now + left, happening))
    }

    fn has_enough(&self) -> bool {
        let ahead = self.buffer.ahead_of(self.playhead);
        let needed = if self.state == PlayerState::Starting {
            self.setup.startup
        } else {
            self.setup.rebuffer
        };
        ahead >= needed || self.is_complete()
    }

    fn move_to(&mut self, at: Millis) {
        let elapsed = at.saturating_sub(self.now);
        let before = self.buffer.ahead_of(self.playhead);
        self.now += elapsed;
        if self.state == PlayerState::Playing {
            self.playhead += elapsed;
            if let Some(rung) = self.shown {
                if let Some(shown_for) = self.shown_for.get_mut(rung) {
                    *shown_for += elapsed;
                }
                let kbps = self.ladder.as_ref().and_then(|ladder| ladder.kbps.get(rung));
                self.measures.bits_played += kbps.copied().unwrap_or_default() * elapsed;
            }
        }
        let after = self.buffer.ahead_of(self.playhead);
        self.measures.pass(self.state, elapsed, (before, after));
    }

    fn happen(&mut self, happening: Happening) -> LetsGo {
        match happening {
            Happening::Ready => self.play(),
            Happening::Crossing => self.show(),
            Happening::Drained if self.is_complete() => self.end(PlayerState::Ended, Outcome::Ended),
            Happening::Drained => self.enter(PlayerState::Rebuffering, None),
            Happening::Leaving(outcome) => self.end(PlayerState::Quit, outcome),
            Happening::Seek => return self.seek(),
            Happening::Pause => {
                self.measures.pause_count += 1;
                self.resumes_at = self.now + self.conduct.wait(self.habits.pauses_for).max(1);
                self.next_pause = self.again(self.habits.pauses_every);
                self.enter(PlayerState::Paused, None);
            }
            Happening::Resume => self.enter(PlayerState::Playing, None),
            Happening::Interval => {
                self.next_interval += self.setup.interval;
                self.tell(Event::Interval);
            }
            Happening::Hungry => {}
        }
        LetsGo::No
    }

    /// The next time that a viewer does something, in playing time. At once again would be never to get on.
    fn again(&mut self, every: Option<Millis>) -> Option<Millis> {
        every.map(|mean| self.measures.playing_ms + self.conduct.wait(mean).max(1))
    }

    fn play(&mut self) {
        self.show();
        let first = self.state == PlayerState::Starting;
        let startup = first.then(|| self.now - self.began);
        if let Some(startup) = startup {
            self.measures.startup_ms = Some(startup);
        }
        self.enter(PlayerState::Playing, startup);
    }

    /// The rendition at the playhead is on the screen.
    fn show(&mut self) {
        let Some(stretch) = self.buffer.at(self.playhead) else {
            return;
        };
        let before = self.shown.replace(stretch.rung);
        match before.map(|before| stretch.rung.cmp(&before)) {
            None | Some(std::cmp::Ordering::Equal) => return,
            Some(std::cmp::Ordering::Greater) => self.measures.upshifts += 1,
            Some(std::cmp::Ordering::Less) => self.measures.downshifts += 1,
        }
        self.tell(Event::Rendition);
    }

    fn seek(&mut self) -> LetsGo {
        let duration = self.duration().unwrap_or_default();
        let target = self.conduct.below(duration);
        let held = self.playhead <= target && target < self.buffer.end;
        self.measures.seek_count += 1;
        let every = self.habits.seeks_every;
        self.next_seek = self.again(every.filter(|_| self.measures.seek_count < MOST_SEEKS));
        self.playhead = target;
        self.ready_at = self.now + SEEK;
        if held {
            self.buffer.at(target);
        } else {
            self.buffer.restart(target);
            self.settled = false;
        }
        self.enter(PlayerState::Seeking, None);
        if held { LetsGo::No } else { LetsGo::Yes }
    }

    fn enter(&mut self, state: PlayerState, startup: Option<Millis>) {
        if self.state == PlayerState::Rebuffering {
            self.measures.stalled(self.now - self.since);
        }
        self.state = state;
        self.since = self.now;
        self.ready_at = self.ready_at.max(self.now);
        self.tell(Event::State { startup });
    }

    pub(super) fn end(&mut self, state: PlayerState, outcome: Outcome) {
        if self.outcome.is_none() {
            self.outcome = Some(outcome);
            self.enter(state, None);
        }
    }
}

/// Whether the player lets go of what it is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LetsGo {
    Yes,
    No,
}
