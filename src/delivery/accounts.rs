//! What clients may be sent: bytes per second, bytes per day, and viewers of one playback token at once.
//!
//! Who is sent too much in a second is sent the rest more slowly; who was sent too much in a day is refused where playing
//! begins, so that nothing breaks off in the middle. Accounts are kept in memory, as many as fit; those that are used
//! least are forgotten first, in favour of their holders.

use std::hash::BuildHasher;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use clipper_domain::PersonId;
use quick_cache::sync::Cache;
use tokio::time::{Sleep, sleep};

use super::account::{Account, Allowance, Time};
use super::token::Admission;
use super::traffic::Tally;
use crate::clock::Clock;

/// Accounts that are kept at most.
const CAPACITY: usize = 1 << 16;
/// What clients may be sent.
#[derive(Clone, Debug, Default)]
pub struct Allowances {
    /// Each address.
    pub address: Allowance,
    /// Each person with a key.
    pub person: Allowance,
    /// Each playback token.
    pub token: Allowance,
    /// Viewers who play through one token at the same time; 0 for as many as come.
    pub token_streams: usize,
    /// Bytes per second of tokens with a class, which begin at 1.
    pub classes: Vec<u64>,
}

/// Whose account it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Payer {
    /// A client's address.
    Address(IpAddr),
    /// Somebody with a key.
    Person(PersonId),
    /// Whoever plays through a token.
    Token(Admission),
}

/// Why playing does not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The day's bytes are spent.
    Bytes {
        /// Whose.
        payer: Payer,
        /// How many a day has.
        per_day: u64,
        /// When there are more.
        after: Duration,
    },
    /// Others play through the token.
    Streams {
        /// How many may.
        most: usize,
        /// When a place may be free.
        after: Duration,
    },
}

/// The accounts of all clients.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {
    allowances: Allowances,
    time: Arc<Time>,
    kept: Cache<Payer, Arc<Account>>,
    hasher: std::hash::RandomState,
}

impl Accounts {
    /// Nobody was sent anything yet.
    pub fn new(allowances: Allowances, clock: Arc<dyn Clock>) -> Self {
        let time = Time {
            began: Instant::now(),
            clock,
        };
        Self(Arc::new(Inner {
            allowances,
            time: Arc::new(time),
            kept: Cache::new(CAPACITY),
            hasher: std::hash::RandomState::new(),
        }))
    }

    /// Whether the settings have a rate for tokens of this class.
    pub fn has_class(&self, class: u8) -> bool {
        (1..=self.0.allowances.classes.len()).contains(&usize::from(class))
    }

    /// Nothing, when the payer may be sent anything.
    pub fn of(&self, payer: Payer) -> Option<Arc<Account>> {
        let inner = &*self.0;
        let (allowance, streams) = inner.allowances.of(payer);
        if allowance.is_unbounded() && streams == 0 {
            return None;
        }
        let open = || {
            Ok::<_, std::convert::Infallible>(Arc::new(Account::new(
                Arc::clone(&inner.time),
                allowance,
                streams,
            )))
        };
        inner.kept.get_or_insert_with(&payer, open).ok()
    }

    /// Lets playing begin or go on: `viewer` is whatever tells those apart who share a token.
    pub fn admit(
        &self,
        payers: [Option<Payer>; 2],
        viewer: impl std::hash::Hash,
        step: Step,
    ) -> Result<Payers, Refused> {
        let accounts = payers.map(|payer| payer.and_then(|payer| self.of(payer)));
        for (payer, account) in payers.iter().zip(&accounts) {
            let (Some(payer), Some(account)) = (payer, account) else {
                continue;
            };
            if step == Step::Begins
                && let Some(after) = account.spent()
            {
                let per_day = account.allowance().per_day;
                return Err(Refused::Bytes {
                    payer: *payer,
                    per_day,
                    after,
                });
            }
            if account.streams() > 0 {
                let hash = self.0.hasher.hash_one(&viewer);
                // Half of the hash tells a handful of viewers apart.
                let viewer = u32::try_from(hash >> 32).unwrap_or_default();
                let most = account.streams();
                account
                    .seat(viewer)
                    .map_err(|after| Refused::Streams { most, after })?;
            }
        }
        Ok(Payers(accounts))
    }
}

/// What a request is to the one who plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A playlist or a download.
    Begins,
    /// What follows from it.
    GoesOn,
}

impl Allowances {
    fn of(&self, payer: Payer) -> (Allowance, usize) {
        match payer {
            Payer::Address(_) => (self.address, 0),
            Payer::Person(_) => (self.person, 0),
            Payer::Token(admission) => {
                let class = usize::from(admission.class).checked_sub(1);
                let of_class = class.and_then(|class| self.classes.get(class).copied());
                let allowance = Allowance {
                    per_second: of_class.unwrap_or(self.token.per_second),
                    ..self.token
                };
                (allowance, self.token_streams)
            }
        }
    }
}

/// The accounts that an answer is counted in.
#[derive(Default)]
pub struct Payers([Option<Arc<Account>>; 2]);

impl Payers {
    fn each(&self) -> impl Iterator<Item = &Account> {
        self.0.iter().flatten().map(AsRef::as_ref)
    }
}

/// What a body on its way is counted in, and held back by.
pub struct Toll {
    tally: Arc<Tally>,
    payers: Payers,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Toll {
    /// One more answer.
    pub fn new(tally: &Arc<Tally>, payers: Payers) -> Self {
        tally.answered();
        Self {
            tally: Arc::clone(tally),
            payers,
            pause: None,
        }
    }

    /// So many bytes have left.
    pub fn sent(&self, bytes: u64) {
        self.tally.sent(bytes);
        for account in self.payers.each() {
            account.sent(bytes);
        }
    }

    /// How many bytes may leave now.
    pub(super) fn poll_allowed(&mut self, context: &mut Context<'_>) -> Poll<u64> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(context));
                self.pause = None;
            }
            let mut allowed = u64::MAX;
            let mut wait = None;
            for account in self.payers.each() {
                match account.may_send() {
                    Ok(bytes) => allowed = allowed.min(bytes),
                    Err(until) => wait = wait.max(Some(until)),
                }
            }
            match wait {
                Some(until) => self.pause = Some(Box::pin(sleep(until))),
                None => return Poll::Ready(allowed),
            }
        }
    }
}
