//! How often one client may ask (GCRA, as in ATM traffic management: a bucket that leaks evenly).
//!
//! Memory is bounded whatever comes: clients share a table of fixed size. Each has one slot in each of two rows, and the
//! slot that is less used counts, so that a client is held back for others only if both of its slots are somebody else's.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix_web::http::Method;
use clipper_domain::PersonId;

use crate::delivery::{Payer, Refused};

/// Slots of a row.
const SLOTS: usize = 1 << 16;
/// How much may come at once, in seconds of the rate.
const BURST: u64 = 10;

/// What a request is for; each kind has a rate of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Playlists, segments, and the parts of uploads.
    Media,
    /// Everything else that is read.
    Read,
    /// Everything else that changes something.
    Write,
    /// Reports of players.
    Report,
    /// Everything that one person does with a key.
    Person,
}

/// Requests per second for each kind; 0 for as many as come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rates {
    pub(crate) media: u32,
    pub(crate) reads: u32,
    pub(crate) writes: u32,
    pub(crate) reports: u32,
    pub(crate) person: u32,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Client {
    Address(IpAddr),
    Person(PersonId),
}

/// A request that came too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limited {
    pub(super) policy: Policy,
    /// When the next will be answered.
    pub(super) after: Duration,
}

/// What a client has had enough of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// Requests of a kind, in a second.
    Requests { kind: Kind, rate: u32 },
    /// Bytes, in a day.
    Bytes { of: &'static str, per_day: u64 },
    /// Viewers of one playback token.
    Streams { most: usize },
}

impl Policy {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Requests { kind, .. } => kind.as_str(),
            Self::Bytes { of, .. } => of,
            Self::Streams { .. } => "streams",
        }
    }

    /// `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers.
    pub(super) fn header(self) -> String {
        let name = self.name();
        match self {
            Self::Requests { rate, .. } => format!("\"{name}\";q={rate};w=1"),
            Self::Bytes { per_day, .. } => format!("\"{name}\";q={per_day};qu=\"content-bytes\";w=86400"),
            Self::Streams { most } => format!("\"{name}\";q={most};qu=\"concurrent-requests\""),
        }
    }
}

impl From<Refused> for Limited {
    fn from(refused: Refused) -> Self {
        let (policy, after) = match refused {
            Refused::Bytes {
                payer,
                per_day,
                after,
            } => {
                let of = match payer {
                    Payer::Address(_) => "address-bytes",
                    Payer::Person(_) => "person-bytes",
                    Payer::Token(_) => "token-bytes",
                };
                (Policy::Bytes { of, per_day }, after)
            }
            Refused::Streams { most, after } => (Policy::Streams { most }, after),
        };
        Self { policy, after }
    }
}

/// Counts requests.
#[derive(Clone)]
pub(crate) struct Limits(Arc<Table>);

struct Table {
    rates: Rates,
    began: Instant,
    hashers: [RandomState; 2],
    /// When the bucket of a slot will be empty, in microseconds since the beginning.
    rows: [Box<[AtomicU64]>; 2],
}

impl Kind {
    /// What a request is for; nothing, when it is never held back.
    pub(super) fn of(method: &Method, path: &str) -> Option<Self> {
        match path {
            "/healthz" | "/readyz" | "/metrics" => None,
            _ if path.starts_with("/api/video/") || path.starts_with("/api/uploads/") => Some(Self::Media),
            _ if path.starts_with("/api/analytics/") || path.starts_with("/api/sessions/") => {
                // What is asked of reports is read like anything else.
                Some(if *method == Method::POST {
                    Self::Report
                } else {
                    Self::Read
                })
            }
            _ if [Method::GET, Method::HEAD, Method::OPTIONS].contains(method) => Some(Self::Read),
            _ => Some(Self::Write),
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Media => "media",
            Self::Read => "reads",
            Self::Write => "writes",
            Self::Report => "reports",
            Self::Person => "person",
        }
    }
}

impl Rates {
    fn of(self, kind: Kind) -> u32 {
        match kind {
            Kind::Media => self.media,
            Kind::Read => self.reads,
            Kind::Write => self.writes,
            Kind::Report => self.reports,
            Kind::Person => self.person,
        }
    }
}

impl Client {
    pub(super) fn at(address: IpAddr) -> Self {
        Self::Address(site(address))
    }
}

/// Whoever has one address of IPv6 has the whole /64.
pub(crate) fn site(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => std::net::Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

impl Limits {
    pub(crate) fn new(rates: Rates) -> Self {
        let row = || (0..SLOTS).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Table {
            rates,
            began: Instant::now(),
            hashers: [RandomState::new(), RandomState::new()],
            rows: [row(), row()],
        }))
    }

    /// Counts a request, or tells when it may come again.
    pub(super) fn take(&self, kind: Kind, client: Client) -> Result<(), Limited> {
        let now = u64::try_from(self.0.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.0.take(kind, client, now)
    }
}

impl Table {
    fn take(&self, kind: Kind, client: Client, now: u64) -> Result<(), Limited> {
        let rate = self.rates.of(kind);
        let Some(interval) = 1_000_000_u64.checked_div(u64::from(rate)) else {
            return Ok(());
        };
        let slots = self.slots(&(kind, client));
        loop {
            let [first, second] = slots.map(|slot| slot.map_or(0, |slot| slot.load(Ordering::Relaxed)));
            let least = first.min(second);
            let next = least.max(now) + interval;
            let ahead = next - now;
            if ahead > BURST * 1_000_000 {
                let after = Duration::from_micros(ahead - BURST * 1_000_000);
                let policy = Policy::Requests { kind, rate };
                return Err(Limited { policy, after });
            }
            let [one, other] = if first <= second {
                slots
            } else {
                [slots[1], slots[0]]
            };
            let counted = one.is_none_or(|slot| {
                let swapped = slot.compare_exchange_weak(least, next, Ordering::Relaxed, Ordering::Relaxed);
                swapped.is_ok()
            });
            if counted {
                other.map(|slot| slot.fetch_max(next, Ordering::Relaxed));
                return Ok(());
            }
        }
    }

    fn slots(&self, key: &impl Hash) -> [Option<&AtomicU64>; 2] {
        let slot = |row: &'_ [AtomicU64], hasher: &RandomState| {
            let hash = usize::try_from(hasher.hash_one(key)).unwrap_or_default();
            hash % row.len().max(1)
        };
        let [first, second] = &self.rows;
        let [one, other] = &self.hashers;
        [first.get(slot(first, one)), second.get(slot(second, other))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(media: u32) -> Limits {
        Limits::new(Rates {
            media,
            ..Rates::default()
        })
    }

    fn address(number: u32) -> Client {
        Client::at(IpAddr::V4(number.into()))
    }

    #[test]
    fn a_burst_is_answered_and_then_the_rate_holds() {
        let limits = table(10);
        let take = |now| limits.0.take(Kind::Media, address(1), now);
        assert!((0..100).all(|_| take(0).is_ok()));
        let limited = take(0).unwrap_err();
        assert_eq!(limited.after, Duration::from_millis(100));
        assert!(take(100_000).is_ok() && take(100_000).is_err());
        assert!(limits.0.take(Kind::Media, address(2), 0).is_ok());
        assert!((0..1_000).all(|_| limits.0.take(Kind::Read, address(1), 0).is_ok()));
    }

    #[test]
    fn a_million_addresses_take_no_memory_and_hold_back_few_others() {
        let limits = table(10);
        for number in 0..1_000_000 {
            // Each asks once within a minute: far from its limit.
            let now = u64::from(number) * 60;
            assert!(
                limits.0.take(Kind::Media, address(number), now).is_ok(),
                "{number}"
            );
        }
        assert!((0..50).all(|_| limits.0.take(Kind::Media, address(7), 60_000_000).is_ok()));
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let client = |text: &str| Client::at(text.parse().unwrap());
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:1"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
    }

    #[test]
    fn what_watches_over_the_service_is_never_held_back() {
        let of = |method, path| Kind::of(&method, path);
        assert_eq!(of(Method::GET, "/healthz"), None);
        assert_eq!(of(Method::GET, "/api/video/a/master.m3u8"), Some(Kind::Media));
        assert_eq!(of(Method::GET, "/api/clips"), Some(Kind::Read));
        assert_eq!(of(Method::POST, "/api/clips"), Some(Kind::Write));
        assert_eq!(of(Method::POST, "/api/sessions/a/reports"), Some(Kind::Report));
    }
}
