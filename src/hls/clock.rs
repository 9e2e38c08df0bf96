//! The 90 kHz clock of MPEG transport streams: wraparound and seconds.

use std::time::Duration;

pub(crate) const TICKS_PER_SECOND: u64 = 90_000;

/// Time stamps have 33 bits and start again after 26.5 hours (ISO/IEC 13818-1, 2.4.3.7).
const WRAP: i64 = 1 << 33;

/// The value of the wrapped time stamp `raw` that lies nearest to `reference`.
pub(crate) fn unwrap_near(reference: i64, raw: i64) -> i64 {
    let ahead = raw.wrapping_sub(reference).rem_euclid(WRAP);
    if ahead < WRAP / 2 {
        reference.saturating_add(ahead)
    } else {
        reference.saturating_add(ahead).saturating_sub(WRAP)
    }
}

/// A span of ticks as seconds.
pub(super) fn seconds(ticks: u64) -> f64 {
    Duration::from_secs(ticks / TICKS_PER_SECOND).as_secs_f64()
        + Duration::from_nanos(ticks % TICKS_PER_SECOND * 100_000 / 9).as_secs_f64()
}

/// A span of ticks to the nearest microsecond.
pub(super) fn micros(ticks: u64) -> u64 {
    rounded(u128::from(ticks) * 100, 9)
}

/// The tick that a span to the nearest microsecond was written from.
pub(super) fn ticks(micros: u64) -> u64 {
    rounded(u128::from(micros) * 9, 100)
}

/// `dividend / divisor` to the nearest whole number, halves upwards.
pub(crate) fn rounded(dividend: u128, divisor: u128) -> u64 {
    u64::try_from((dividend + divisor / 2) / divisor).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_stamp_after_the_wrap_continues_the_count() {
        assert_eq!(unwrap_near(WRAP - 10, 5), WRAP + 5);
        assert_eq!(unwrap_near(5, WRAP - 10), -10);
        assert_eq!(unwrap_near(3 * WRAP + 7, 9), 3 * WRAP + 9);
    }

    #[test]
    fn ticks_become_seconds() {
        assert!((seconds(540_540) - 6.006).abs() < 1e-9);
        assert_eq!(micros(1), 11);
    }

    #[test]
    fn the_ticks_of_a_picture_come_back_from_its_microseconds() {
        for picture in [1_500, 3_000, 3_003, 3_754, 90_000] {
            let (mut start, mut begins) = (0, 0);
            for _ in 0..50 {
                let ends = micros(begins + picture);
                assert_eq!(ticks(ends - start), picture);
                (start, begins) = (ends, begins + picture);
            }
        }
    }
}
