//! Bits per second of segments: over the whole, and in the worst run.

use super::SegmentEntry;
use crate::hls::clock::TICKS_PER_SECOND;

/// The highest rate of any contiguous run that lasts 0.5 to 1.5 target durations (RFC 4.3.4.2); `None` when no run
/// does, as in clips under half a second.
pub(in crate::hls) fn peak_bandwidth(entries: &[SegmentEntry], target_duration: u32) -> Option<u64> {
    let target = u64::from(target_duration) * TICKS_PER_SECOND;
    let window = target / 2..=target + target / 2;
    let mut peak = None;
    for start in 0..entries.len() {
        let mut run = (0, 0);
        for entry in entries.iter().skip(start) {
            run = (run.0 + u64::from(entry.duration_90k), run.1 + entry.bytes);
            if run.0 > *window.end() {
                break;
            }
            if window.contains(&run.0) {
                peak = peak.max(Some(bits_per_second(run)));
            }
        }
    }
    peak
}

/// Duration in ticks and size in bytes.
pub(in crate::hls) fn total(entries: &[SegmentEntry]) -> (u64, u64) {
    entries.iter().fold((0, 0), |(ticks, bytes), entry| {
        (ticks + u64::from(entry.duration_90k), bytes + entry.bytes)
    })
}

/// Rounded up, so that what is declared is never under what is sent.
pub(in crate::hls) fn bits_per_second((ticks, bytes): (u64, u64)) -> u64 {
    let bits = u128::from(bytes) * 8 * u128::from(TICKS_PER_SECOND);
    u64::try_from(bits.div_ceil(u128::from(ticks.max(1)))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(seconds_and_bytes: &[(u32, u64)]) -> Vec<SegmentEntry> {
        let entry = |(tenths, bytes): &(u32, u64)| SegmentEntry {
            duration_90k: tenths * 9000,
            bytes: *bytes,
        };
        seconds_and_bytes.iter().map(entry).collect()
    }

    #[test]
    fn the_peak_is_the_worst_run_near_the_target() {
        // Neither 1 s segment is a run of its own at a target of 6 s, but with a neighbour it is.
        let run = entries(&[(60, 6000), (10, 5000), (60, 9000), (10, 7000)]);
        assert_eq!(
            peak_bandwidth(&run, 6),
            Some(bits_per_second((80 * 9000, 21_000)))
        );
        assert_eq!(peak_bandwidth(&entries(&[(29, 1)]), 6), None);
        assert_eq!(peak_bandwidth(&entries(&[(30, 3)]), 6), Some(8));
        assert_eq!(peak_bandwidth(&entries(&[(90, 9)]), 6), Some(8));
        assert_eq!(peak_bandwidth(&entries(&[(91, 9)]), 6), None);
    }

    #[test]
    fn rates_are_rounded_up() {
        assert_eq!(bits_per_second((270_000, 1)), 3);
        assert_eq!(bits_per_second((0, 0)), 0);
    }
}
