//! What is waited for on a connection, and how long: heads, clients that take what they asked for, and connections on
//! which nothing happens.
//!
//! actix-http itself watches over the first head of a connection and over idle HTTP/1.1.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::time::{Sleep, sleep};

use crate::shutdown::Shutdown;

/// What a client takes at least, in bytes per second, of an answer that waits for it.
const LEAST_PER_SECOND: u64 = 8 * 1_024;
/// Requests that are under way on one connection of HTTP/2.
const MOST_STREAMS: usize = 512;

/// How long clients are waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the rest of a head that has begun.
    pub head: Duration,
    /// For bodies that are not sent or taken.
    pub body: Duration,
    /// For the next request.
    pub keep_alive: Duration,
}

impl Patience {
    /// What is taken at least while a body is waited for.
    pub(super) fn least(&self) -> u64 {
        LEAST_PER_SECOND * self.body.as_secs().max(1)
    }

    /// How often a connection is looked at that something is waited for on.
    fn tick(&self) -> Duration {
        let shortest = self.head.min(self.body);
        (shortest / 4).clamp(Duration::from_millis(100), Duration::from_secs(5))
    }
}

/// Why a connection is let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// A head does not come to its end.
    SlowHead,
    /// The client does not send what it announced.
    SlowBody,
    /// The client does not take what it asked for.
    SlowReader,
    /// The client asks for more at once than anybody needs.
    TooManyStreams,
    /// Nothing happens.
    Idle,
}

impl Reason {
    fn label(self) -> &'static str {
        match self {
            Self::SlowHead => "slow_head",
            Self::SlowBody => "slow_body",
            Self::SlowReader => "slow_reader",
            Self::TooManyStreams => "streams",
            Self::Idle => "idle",
        }
    }

    /// The error that ends the connection.
    pub(super) fn error(self) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, self.label())
    }
}

/// Counts a connection that is let go.
pub(super) fn count(reason: Reason) {
    metrics::counter!("clipper_http_connections_dropped_total", "reason" => reason.label()).increment(1);
}

/// What happens on a connection, as its socket, its requests and its answers tell it.
#[derive(Debug)]
pub struct Watch {
    patience: Patience,
    /// HTTP/2, which actix-http does not end when the server does.
    multiplexed: Option<Shutdown>,
    /// Requests that are not answered to their end.
    under_way: Cell<usize>,
    /// Whether there was a request already.
    used: Cell<bool>,
    /// When the last answer ended.
    idle_since: Cell<Instant>,
    /// When the first byte of a head came that has not come to its end.
    head_since: Cell<Option<Instant>>,
    written: Cell<u64>,
    stall: Cell<Option<Stall>>,
    /// Until when the client should have taken what it was given of each answer. HTTP/2 asks for more of an answer when
    /// the client has room for it, and the socket does not show that it has none.
    owed: RefCell<BTreeMap<u64, Instant>>,
    requests: Cell<u64>,
}

/// The socket takes no more.
#[derive(Clone, Copy, Debug)]
struct Stall {
    since: Instant,
    /// What was written by then.
    written: u64,
}

impl Watch {
    /// Over a connection that begins.
    pub(super) fn new(patience: Patience, multiplexed: Option<Shutdown>) -> Self {
        Self {
            patience,
            multiplexed,
            under_way: Cell::default(),
            used: Cell::default(),
            idle_since: Cell::new(Instant::now()),
            head_since: Cell::default(),
            written: Cell::default(),
            stall: Cell::default(),
            owed: RefCell::default(),
            requests: Cell::default(),
        }
    }

    /// How long clients are waited for.
    pub fn patience(&self) -> Patience {
        self.patience
    }

    /// Bytes came.
    pub(super) fn heard(&self) {
        let begins = self.multiplexed.is_none() && self.used.get() && self.under_way.get() == 0;
        if begins && self.head_since.get().is_none() {
            self.head_since.set(Some(Instant::now()));
        }
    }

    /// Bytes went.
    pub(super) fn wrote(&self, count: usize) {
        self.written.set(self.written.get() + count as u64);
    }

    /// The socket takes no more for now.
    pub(super) fn stalled(&self) {
        if self.stall.get().is_none() {
            self.stall.set(Some(Stall {
                since: Instant::now(),
                written: self.written.get(),
            }));
        }
    }

    /// The socket has taken everything.
    pub(super) fn flowed(&self) {
        self.stall.set(None);
    }

    fn is_watchful(&self) -> bool {
        self.multiplexed.is_some() || self.head_since.get().is_some() || self.stall.get().is_some()
    }

    fn verdict(&self, now: Instant) -> Option<Reason> {
        let patience = self.patience;
        let over = |since: Instant, most: Duration| now.saturating_duration_since(since) >= most;
        if self
            .head_since
            .get()
            .is_some_and(|since| over(since, patience.head))
        {
            return Some(Reason::SlowHead);
        }
        if let Some(stall) = self.stall.get().filter(|stall| over(stall.since, patience.body)) {
            if self.written.get() - stall.written < patience.least() {
                return Some(Reason::SlowReader);
            }
            self.stall.set(None);
            self.stalled();
        }
        if self.owed.borrow().values().any(|until| *until <= now) {
            return Some(Reason::SlowReader);
        }
        if self.under_way.get() > MOST_STREAMS {
            return Some(Reason::TooManyStreams);
        }
        let ending = self.multiplexed.as_ref().filter(|_| self.under_way.get() == 0)?;
        let idle = ending.is_finishing() || over(self.idle_since.get(), patience.keep_alive);
        idle.then_some(Reason::Idle)
    }
}

/// A request that is under way.
#[derive(Debug)]
pub struct UnderWay {
    watch: Rc<Watch>,
    number: u64,
}

impl UnderWay {
    /// The head of a request has come to its end.
    pub fn begin(watch: &Rc<Watch>) -> Self {
        watch.head_since.set(None);
        watch.used.set(true);
        watch.under_way.set(watch.under_way.get() + 1);
        let number = watch.requests.get();
        watch.requests.set(number + 1);
        Self {
            watch: Rc::clone(watch),
            number,
        }
    }

    /// The client has something to take.
    pub(super) fn owes(&self, bytes: usize) {
        if self.watch.multiplexed.is_some() {
            let patience = self.watch.patience;
            let needed = Duration::from_secs(bytes as u64 / LEAST_PER_SECOND);
            let until = Instant::now() + patience.body.max(needed);
            self.watch.owed.borrow_mut().insert(self.number, until);
        }
    }

    /// The client has taken what there was.
    pub(super) fn is_even(&self) {
        if self.watch.multiplexed.is_some() {
            self.watch.owed.borrow_mut().remove(&self.number);
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.is_even();
        let watch = &self.watch;
        watch.under_way.set(watch.under_way.get().saturating_sub(1));
        watch.idle_since.set(Instant::now());
    }
}

/// Looks at a connection from time to time, as long as something is waited for.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    is_set: bool,
}

impl Alarm {
    /// Ready when the connection should be let go.
    pub(super) fn poll(&mut self, watch: &Watch, context: &mut Context<'_>) -> Poll<Reason> {
        loop {
            if !self.is_set {
                if !watch.is_watchful() {
                    return Poll::Pending;
                }
                let tick = watch.patience.tick();
                match &mut self.sleep {
                    Some(sleep) => sleep.as_mut().reset(tokio::time::Instant::now() + tick),
                    None => self.sleep = Some(Box::pin(sleep(tick))),
                }
                self.is_set = true;
            }
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(context));
            }
            self.is_set = false;
            if let Some(reason) = watch.verdict(Instant::now()) {
                count(reason);
                return Poll::Ready(reason);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        head: Duration::from_secs(10),
        body: Duration::from_secs(30),
        keep_alive: Duration::from_secs(75),
    };

    fn later(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    #[test]
    fn a_head_that_does_not_end_is_not_waited_for() {
        let watch = Rc::new(Watch::new(PATIENCE, None));
        drop(UnderWay::begin(&watch));
        assert_eq!(watch.verdict(later(1_000)), None, "actix-http looks after these");
        watch.heard();
        assert_eq!(watch.verdict(later(9)), None);
        watch.heard();
        assert_eq!(watch.verdict(later(10)), Some(Reason::SlowHead));
        let request = UnderWay::begin(&watch);
        watch.heard();
        assert_eq!(watch.verdict(later(1_000)), None, "what comes now is a body");
        drop(request);
    }

    #[test]
    fn a_reader_may_be_slow_but_not_that_slow() {
        let watch = Watch::new(PATIENCE, None);
        watch.stalled();
        watch.wrote(8 * 1_024 * 30);
        assert_eq!(watch.verdict(later(31)), None);
        watch.wrote(8 * 1_024 * 30 - 1);
        watch.stalled();
        assert_eq!(watch.verdict(later(31)), Some(Reason::SlowReader));
        watch.flowed();
        assert_eq!(watch.verdict(later(1_000)), None);
    }

    #[test]
    fn streams_are_waited_for_one_by_one_and_idle_connections_end() {
        let ending = Shutdown::new();
        let watch = Rc::new(Watch::new(PATIENCE, Some(ending.clone())));
        let (quick, slow) = (UnderWay::begin(&watch), UnderWay::begin(&watch));
        slow.owes(64 * 1_024);
        quick.owes(64 * 1_024);
        quick.is_even();
        assert_eq!(watch.verdict(later(29)), None);
        assert_eq!(watch.verdict(later(31)), Some(Reason::SlowReader));
        drop(slow);
        assert_eq!(
            watch.verdict(later(1_000)),
            None,
            "an answer may take long to make"
        );
        drop(quick);
        assert_eq!(watch.verdict(later(74)), None);
        assert_eq!(watch.verdict(later(76)), Some(Reason::Idle));
        let many: Vec<_> = (0..513).map(|_| UnderWay::begin(&watch)).collect();
        assert_eq!(watch.verdict(later(0)), Some(Reason::TooManyStreams));
        drop(many);
        assert_eq!(watch.verdict(later(0)), None);
        ending.finish();
        assert_eq!(watch.verdict(later(0)), Some(Reason::Idle));
    }
}
