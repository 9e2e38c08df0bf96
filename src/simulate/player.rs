//! A player and its viewer, without a network and without a clock: it says what it wants, is told how many bytes that is,
//! and works out what happens until they have come.
//!
//! Promises:
//! - the same viewer with the same clip on the same network does the same to the millisecond;
//! - whatever comes, time only moves forward and every session ends.

mod buffer;
mod course;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use clipper_domain::report::PlayerState;

use self::buffer::Buffer;
use super::Millis;
use super::abr::{Abr, Rule, Situation};
use super::chance::Chance;
use super::record::{Event, Record, Shown};
use super::stream::{Ladder, Segments};
use super::trace::Link;
use super::truth::{Measures, Outcome};

/// How players are set up.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Media that must be there before playing begins.
    pub startup: Millis,
    /// Media that must be there before playing goes on after a stall or a seek.
    pub rebuffer: Millis,
    /// Media that is fetched ahead, and no more.
    pub target: Millis,
    /// How often a player tells that it is still there.
    pub interval: Millis,
}

/// What a viewer will bear and do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habits {
    /// Leaves after so much playing; for ever, if not before the end.
    pub(super) watches: Option<Millis>,
    /// Waits for the first frame.
    pub(super) waits_to_start: Millis,
    /// Waits for a stall or a seek to be over.
    pub(super) waits_for_media: Millis,
    /// Playing time between seeks, on average.
    pub(super) seeks_every: Option<Millis>,
    /// Playing time between pauses, on average.
    pub(super) pauses_every: Option<Millis>,
    /// How long a pause is, on average.
    pub(super) pauses_for: Millis,
}

/// Who is behind a player.
#[derive(Debug)]
pub(super) struct Character {
    pub(super) habits: Habits,
    pub(super) rule: Rule,
    pub(super) link: Link,
    pub(super) conduct: Chance,
}

/// What a player asks the server for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Want {
    Master,
    /// The playlist of a rung, by its name in the master.
    Segments(String),
    /// The header of a rung, and the playlist that names it.
    Init {
        list: String,
        uri: String,
    },
    /// A segment, and the playlist that names it.
    Segment {
        list: String,
        uri: String,
    },
}

/// How something that was asked for comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Transfer {
    /// When its first byte comes.
    pub(super) first: Millis,
    /// When its last byte comes, or when the player lets go of it.
    pub(super) until: Millis,
    pub(super) whole: bool,
}

/// What came.
#[derive(Clone, Debug)]
pub(super) enum Received {
    Master(Arc<Ladder>),
    Segments(Arc<Segments>),
    Init,
    Segment,
}

#[derive(Debug)]
pub(super) struct Player {
    setup: Setup,
    habits: Habits,
    conduct: Chance,
    pub(super) link: Link,
    abr: Abr,
    now: Millis,
    connected: bool,
    /// Bytes and time of the latest transfer.
    latest: (u64, Millis),
    ladder: Option<Arc<Ladder>>,
    lists: Vec<Option<Arc<Segments>>>,
    inits: Vec<bool>,
    /// The rung of the segment that was asked for last.
    rung: usize,
    /// Whether the rung of the next segment is settled.
    settled: bool,
    buffer: Buffer,
    state: PlayerState,
    since: Millis,
    /// When a state that waits for media may end, as far as it is not for the media.
    ready_at: Millis,
    playhead: Millis,
    shown: Option<usize>,
    /// How long each rung was on the screen.
    shown_for: Vec<Millis>,
    began: Millis,
    next_interval: Millis,
    /// In playing time.
    next_seek: Option<Millis>,
    next_pause: Option<Millis>,
    resumes_at: Millis,
    measures: Measures,
    outcome: Option<Outcome>,
    records: Vec<Record>,
}

impl Player {
    /// The viewer asks for the clip.
    pub(super) fn new(setup: Setup, character: Character, now: Millis) -> Self {
        let Character {
            habits,
            rule,
            link,
            mut conduct,
        } = character;
        let mut next = |mean: Option<Millis>| mean.map(|mean| conduct.wait(mean));
        let (next_seek, next_pause) = (next(habits.seeks_every), next(habits.pauses_every));
        let mut player = Self {
            setup,
            habits,
            conduct,
            link,
            abr: Abr::new(rule),
            now,
            connected: false,
            latest: (0, 0),
            ladder: None,
            lists: Vec::new(),
            inits: Vec::new(),
            rung: 0,
            settled: false,
            buffer: Buffer::default(),
            state: PlayerState::Starting,
            since: now,
            ready_at: now,
            playhead: 0,
            shown: None,
            shown_for: Vec::new(),
            began: now,
            next_interval: now + setup.interval,
            next_seek,
            next_pause,
            resumes_at: 0,
            measures: Measures::default(),
            outcome: None,
            records: Vec::new(),
        };
        player.tell(Event::State { startup: None });
        player
    }

    pub(super) fn now(&self) -> Millis {
        self.now
    }

    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    pub(super) fn measures(&self) -> &Measures {
        &self.measures
    }

    /// What happened since the last call.
    pub(super) fn take_records(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    /// The rung that was shown longest, the lesser of two.
    pub(super) fn quality(&self) -> Option<Arc<str>> {
        let longest = self.shown_for.iter().enumerate().rev().max_by_key(|(_, ms)| **ms);
        let (rung, ms) = longest?;
        let rung = if *ms > 0 { rung } else { self.shown? };
        Some(Arc::clone(&self.ladder.as_ref()?.rungs.get(rung)?.quality))
    }

    /// Time passes until the player asks for something; nothing, when the session is over.
    pub(super) fn next(&mut self) -> Option<Want> {
        self.pass_until(self.now);
        while self.outcome.is_none() {
            let Some(ladder) = self.ladder.clone() else {
                return Some(Want::Master);
            };
            if self.is_complete() {
                self.pass_one(false);
            } else if self.buffer.ahead_of(self.playhead) > self.setup.target {
                self.pass_one(true);
            } else if let Some(want) = self.want(&ladder) {
                return Some(want);
            }
        }
        None
    }

    fn want(&mut self, ladder: &Ladder) -> Option<Want> {
        if !self.settled {
            self.rung = self.choose(ladder);
            self.settled = true;
        }
        let list = ladder.rungs.get(self.rung)?.uri.clone();
        let Some(segments) = self.lists.get(self.rung).and_then(Option::as_ref) else {
            return Some(Want::Segments(list));
        };
        let Some(segment) = segments.at(self.buffer.end) else {
            // This rung ends a little earlier than another one did.
            self.buffer.push(self.duration().unwrap_or_default(), self.rung);
            return None;
        };
        match &segments.init {
            Some(uri) if self.inits.get(self.rung) != Some(&true) => Some(Want::Init {
                list,
                uri: uri.clone(),
            }),
            Some(_) | None => Some(Want::Segment {
                list,
                uri: segment.uri.clone(),
            }),
        }
    }

    fn choose(&self, ladder: &Ladder) -> usize {
        let next = self.segments().and_then(|list| list.at(self.buffer.end));
        self.abr.choose(Situation {
            kbps: &ladder.kbps,
            current: self.rung,
            buffer: self.buffer.ahead_of(self.playhead),
            target: self.setup.target,
            segment: next.map_or(1, |segment| segment.ends - segment.begins),
        })
    }

    /// Asks for what was wanted, which is so many bytes: time passes until the last of them has come, or until the viewer
    /// lets go of it.
    pub(super) fn transfer(&mut self, bytes: u64) -> Transfer {
        self.measures.requests += 1;
        let asked = self.now;
        // A connection costs one way there and back, a request another one.
        let ways = if self.connected { 1 } else { 2 };
        let first = asked + self.link.latency(asked) * ways;
        let last = self.link.arrival(first, bytes);
        self.connected = true;
        self.latest = (bytes, last - asked);
        let whole = self.pass_until(last);
        if whole {
            self.measures.bytes += bytes;
        } else {
            self.measures.aborted += 1;
            self.measures.bytes += self.link.delivered(first, self.now).min(bytes);
            // What HTTP/1.1 lets go of, it hangs up.
            self.connected = false;
        }
        Transfer {
            first: first.min(self.now),
            until: self.now,
            whole,
        }
    }

    /// Takes what has come whole.
    pub(super) fn receive(&mut self, what: Received) {
        match what {
            Received::Master(ladder) => {
                self.lists = vec![None; ladder.rungs.len()];
                self.inits = vec![false; ladder.rungs.len()];
                self.shown_for = vec![0; ladder.rungs.len()];
                self.rung = ladder.first;
                self.ladder = Some(ladder);
            }
            Received::Segments(segments) => {
                if let Some(list) = self.lists.get_mut(self.rung) {
                    *list = Some(segments);
                }
            }
            Received::Init => {
                if let Some(init) = self.inits.get_mut(self.rung) {
                    *init = true;
                }
            }
            Received::Segment => {
                let (bytes, took) = self.latest;
                self.abr.measured(bytes, took);
                let ends = self.segments().and_then(|list| list.at(self.buffer.end));
                if let Some(ends) = ends.map(|segment| segment.ends) {
                    self.buffer.push(ends, self.rung);
                }
                self.settled = false;
            }
        }
    }

    /// The server does not give what was asked for.
    pub(super) fn fail(&mut self, code: &str) {
        self.tell(Event::Error {
            code: code.to_owned(),
        });
        self.end(PlayerState::Fatal, Outcome::Failed);
    }

    /// The simulation is broken off: the viewer leaves.
    pub(super) fn stop(&mut self) {
        self.end(PlayerState::Quit, Outcome::Stopped);
    }

    fn segments(&self) -> Option<&Segments> {
        self.lists.get(self.rung)?.as_deref()
    }

    fn duration(&self) -> Option<Millis> {
        self.lists.iter().flatten().map(|list| list.duration()).max()
    }

    /// Whether everything up to the clip's end is there.
    fn is_complete(&self) -> bool {
        self.duration()
            .is_some_and(|duration| self.buffer.end >= duration)
    }

    fn tell(&mut self, event: Event) {
        let shown = self.shown.and_then(|rung| {
            let ladder = self.ladder.as_ref()?;
            Some(Shown {
                quality: Arc::clone(&ladder.rungs.get(rung)?.quality),
                kbps: *ladder.kbps.get(rung)?,
            })
        });
        self.records.push(Record {
            number: self.measures.records,
            at: self.now,
            event,
            state: self.state,
            playhead: self.playhead,
            buffer: self.buffer.ahead_of(self.playhead),
            shown,
            throughput_kbps: self.abr.estimate(),
        });
        self.measures.records += 1;
    }
}
