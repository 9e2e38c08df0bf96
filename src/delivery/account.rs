//! One client's account: what it was sent lately and today, and who plays through it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::clock::Clock;

/// How much may come at once, in microseconds of the rate: players fill their buffers when they begin.
const BURST: u64 = 4_000_000;
/// Parts of a second in which a rate is dealt out, and the largest piece.
const PIECES: u64 = 20;
const LARGEST_PIECE: u64 = 256 * 1_024;
/// A player that has asked for nothing this long plays no more, in seconds.
const SILENCE: u64 = 30;
/// Bits of a day's number in front of its bytes.
const DAY_BITS: u32 = 16;
const BYTES: u64 = u64::MAX >> DAY_BITS;
const DAY: u64 = 86_400;

/// What one client may be sent; 0 for as much as it likes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// Bytes per second.
    pub per_second: u64,
    /// Bytes per day, in UTC.
    pub per_day: u64,
}

impl Allowance {
    pub(super) fn is_unbounded(self) -> bool {
        self == Self::default()
    }
}

/// What accounts read the time from.
pub(super) struct Time {
    pub(super) began: Instant,
    pub(super) clock: Arc<dyn Clock>,
}

impl Time {
    fn micros(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Seconds since 1970.
    fn seconds(&self) -> u64 {
        u64::try_from(self.clock.now().timestamp()).unwrap_or_default()
    }
}

/// What one client was sent.
pub struct Account {
    time: Arc<Time>,
    allowance: Allowance,
    /// When what was sent would have been sent at the rate, in microseconds since the beginning.
    paid_off: AtomicU64,
    /// The day's number, and the bytes of that day.
    today: AtomicU64,
    /// Who plays: a viewer's mark, and when it asked last.
    places: Box<[AtomicU64]>,
}

impl Account {
    pub(super) fn new(time: Arc<Time>, allowance: Allowance, streams: usize) -> Self {
        Self {
            time,
            allowance,
            paid_off: AtomicU64::new(0),
            today: AtomicU64::new(0),
            places: (0..streams).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    pub(super) fn allowance(&self) -> Allowance {
        self.allowance
    }

    pub(super) fn streams(&self) -> usize {
        self.places.len()
    }

    /// How many bytes may be sent now, or when the next may be.
    pub(super) fn may_send(&self) -> Result<u64, Duration> {
        if self.allowance.per_second == 0 {
            return Ok(u64::MAX);
        }
        self.may_send_at(self.time.micros())
    }

    /// Counts what was sent.
    pub(super) fn sent(&self, bytes: u64) {
        if self.allowance.per_second > 0 {
            self.pay(bytes, self.time.micros());
        }
        if self.allowance.per_day > 0 {
            self.count(bytes, self.time.seconds() / DAY);
        }
    }

    /// How long it is until tomorrow, when the day's bytes are spent.
    pub(super) fn spent(&self) -> Option<Duration> {
        if self.allowance.per_day == 0 {
            return None;
        }
        let now = self.time.seconds();
        self.is_spent(now / DAY)
            .then(|| Duration::from_secs(DAY - now % DAY))
    }

    /// Lets a viewer play, or tells when a place may be free.
    pub(super) fn seat(&self, viewer: u32) -> Result<(), Duration> {
        if self.places.is_empty() {
            return Ok(());
        }
        self.seat_at(viewer, self.time.micros() / 1_000_000)
    }

    fn may_send_at(&self, now: u64) -> Result<u64, Duration> {
        let rate = self.allowance.per_second;
        let ahead = self.paid_off.load(Ordering::Relaxed).saturating_sub(now);
        let bytes = scaled(BURST.saturating_sub(ahead), rate, 1_000_000);
        let piece = (rate / PIECES).clamp(1, LARGEST_PIECE);
        if bytes >= piece {
            return Ok(bytes);
        }
        let until = (ahead + scaled(piece, 1_000_000, rate)).saturating_sub(BURST);
        Err(Duration::from_micros(until + 1))
    }

    fn pay(&self, bytes: u64, now: u64) {
        let cost = scaled(bytes, 1_000_000, self.allowance.per_second);
        update(&self.paid_off, |paid_off| paid_off.max(now).saturating_add(cost));
    }

    fn count(&self, bytes: u64, day: u64) {
        let day = day << (u64::BITS - DAY_BITS);
        update(&self.today, |today| {
            let before = if today & !BYTES == day { today & BYTES } else { 0 };
            day | (before.saturating_add(bytes)).min(BYTES)
        });
    }

    fn is_spent(&self, day: u64) -> bool {
        let today = self.today.load(Ordering::Relaxed);
        today & !BYTES == day << (u64::BITS - DAY_BITS) && today & BYTES >= self.allowance.per_day
    }

    fn seat_at(&self, viewer: u32, now: u64) -> Result<(), Duration> {
        let mark = u64::from(viewer) << 32;
        // A place that was never taken looks like one that was left long ago.
        let now = now + SILENCE;
        let seen = |place: u64| place & u64::from(u32::MAX);
        loop {
            let places = self
                .places
                .iter()
                .map(|place| (place, place.load(Ordering::Relaxed)));
            let mine = places
                .clone()
                .find(|(_, taken)| taken & !u64::from(u32::MAX) == mark && seen(*taken) > 0);
            let Some((place, taken)) = mine.or_else(|| places.min_by_key(|(_, taken)| seen(*taken))) else {
                return Ok(());
            };
            let is_mine = mine.is_some();
            let free_at = seen(taken) + SILENCE;
            if !is_mine && free_at > now {
                return Err(Duration::from_secs(free_at - now));
            }
            let swapped = place.compare_exchange(taken, mark | now, Ordering::Relaxed, Ordering::Relaxed);
            if swapped.is_ok() {
                return Ok(());
            }
        }
    }
}

fn update(value: &AtomicU64, change: impl Fn(u64) -> u64) {
    let mut old = value.load(Ordering::Relaxed);
    while let Err(newer) = value.compare_exchange_weak(old, change(old), Ordering::Relaxed, Ordering::Relaxed)
    {
        old = newer;
    }
}

/// `value × by ÷ of`, where nothing is left out for being large.
fn scaled(value: u64, by: u64, of: u64) -> u64 {
    let product = u128::from(value) * u128::from(by);
    u64::try_from(product / u128::from(of.max(1))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    fn account(per_second: u64, per_day: u64, streams: usize) -> Account {
        let time = Time {
            began: Instant::now(),
            clock: Arc::new(SystemClock),
        };
        Account::new(Arc::new(time), Allowance { per_second, per_day }, streams)
    }

    #[test]
    fn a_burst_is_sent_at_once_and_then_the_rate_holds() {
        let account = account(1_000_000, 0, 0);
        assert_eq!(account.may_send_at(0), Ok(4_000_000));
        account.pay(4_000_000, 0);
        assert_eq!(account.may_send_at(0), Err(Duration::from_micros(50_001)));
        assert_eq!(account.may_send_at(50_001), Ok(50_001));
        account.pay(50_000, 50_001);
        assert!(account.may_send_at(50_001).is_err());
    }

    #[test]
    fn however_a_rate_is_used_no_more_than_the_rate_and_a_burst_is_sent() {
        for rate in [1, 1_000, 250_000, 12_345_678_901] {
            let account = account(rate, 0, 0);
            let (mut now, mut sent) = (0, 0_u64);
            while now < 60_000_000 {
                match account.may_send_at(now) {
                    Ok(bytes) => {
                        let bytes = bytes.min(1 << 20).max(rate / 100);
                        account.pay(bytes, now);
                        sent += bytes;
                    }
                    Err(wait) => now += u64::try_from(wait.as_micros()).unwrap(),
                }
            }
            let (least, most) = (rate * 63, rate * 65 + (1 << 20));
            assert!((least..=most).contains(&sent), "{rate}: {sent}");
        }
    }

    #[test]
    fn a_day_is_spent_until_the_next_one_begins() {
        let account = account(0, 1_000, 0);
        account.count(999, 20_000);
        assert!(!account.is_spent(20_000));
        account.count(1, 20_000);
        assert!(account.is_spent(20_000) && !account.is_spent(20_001));
        account.count(10, 20_001);
        assert!(!account.is_spent(20_001));
        assert_eq!(account.may_send(), Ok(u64::MAX));
    }

    #[test]
    fn a_place_is_kept_by_who_asks_and_free_after_a_silence() {
        let account = account(0, 0, 2);
        assert!(account.seat_at(1, 0).is_ok() && account.seat_at(2, 5).is_ok());
        assert_eq!(account.seat_at(3, 10), Err(Duration::from_secs(20)));
        assert!(account.seat_at(1, 25).is_ok());
        assert_eq!(account.seat_at(3, 30), Err(Duration::from_secs(5)));
        assert!(account.seat_at(3, 35).is_ok());
        assert!(account.seat_at(1, 36).is_ok() && account.seat_at(2, 36).is_err());
    }
}
