//! A video track's packets, one by one: how long it really lasts and how fast it really runs.

use clipper_domain::FrameRate;

/// What a walk over all packets found.
#[derive(Debug, Default)]
pub(super) struct Packets {
    frames: u64,
    first: Option<f64>,
    last: f64,
    last_duration: f64,
}

/// Rates that cameras, consoles and screens really have.
const STANDARD: [(u32, u32); 12] = [
    (24_000, 1_001),
    (24, 1),
    (25, 1),
    (30_000, 1_001),
    (30, 1),
    (48, 1),
    (50, 1),
    (60_000, 1_001),
    (60, 1),
    (120_000, 1_001),
    (120, 1),
    (144, 1),
];

/// How far a measured rate may lie from a stated or standard one and still mean it.
const NEAR: f64 = 0.004;

impl Packets {
    /// Takes a line of ffprobe's CSV: `pts_time,duration_time,flags`. A packet marked `D` is cut away by an edit list.
    pub(super) fn take(&mut self, line: &str) {
        // ffprobe ends a packet that carries side data with an empty line.
        if line.is_empty() {
            return;
        }
        let mut fields = line.split(',');
        let (pts, duration, flags) = (fields.next(), fields.next(), fields.next());
        if flags.is_some_and(|flags| flags.contains('D')) {
            return;
        }
        self.frames += 1;
        let Some(pts) = pts.and_then(|pts| pts.parse::<f64>().ok()) else {
            return;
        };
        self.first = Some(self.first.map_or(pts, |first| first.min(pts)));
        if pts >= self.last || self.frames == 1 {
            self.last = pts;
            self.last_duration = duration
                .and_then(|duration| duration.parse().ok())
                .unwrap_or_default();
        }
    }

    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// From the first picture to the end of the last.
    pub(super) fn seconds(&self, stated: Option<FrameRate>) -> f64 {
        let span = self.span();
        let frame = if self.last_duration > 0.0 {
            self.last_duration
        } else {
            self.frame_rate(stated).seconds(1)
        };
        span + frame
    }

    fn span(&self) -> f64 {
        self.first.map_or(0.0, |first| (self.last - first).max(0.0))
    }

    /// The rate of the constant grid: the stated one where the packets bear it out, else a standard one near to what
    /// was measured, else what was measured.
    pub(super) fn frame_rate(&self, stated: Option<FrameRate>) -> FrameRate {
        let Some(measured) = self.measured() else {
            return stated.unwrap_or_else(fallback);
        };
        let distance = |rate: &FrameRate| (rate.as_f64() / measured - 1.0).abs();
        let near = |rate: &FrameRate| distance(rate) < NEAR;
        let standard = || {
            let rates = STANDARD
                .iter()
                .filter_map(|(num, den)| FrameRate::new(*num, *den))
                .filter(near);
            rates.min_by(|a, b| distance(a).total_cmp(&distance(b)))
        };
        stated
            .filter(near)
            .or_else(standard)
            .unwrap_or_else(|| hundredths(measured))
    }

    #[expect(clippy::cast_precision_loss, reason = "frame counts stay far below 2^52")]
    fn measured(&self) -> Option<f64> {
        let span = self.span();
        (self.frames > 1 && span > 0.0).then(|| (self.frames - 1) as f64 / span)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what the type holds"
)]
fn hundredths(rate: f64) -> FrameRate {
    let num = (rate * 100.0).round().clamp(1.0, 100_000.0) as u32;
    FrameRate::new(num, 100).unwrap_or_else(fallback)
}

/// A single picture has no rate of its own.
fn fallback() -> FrameRate {
    FrameRate::PAL
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(times: impl IntoIterator<Item = f64>) -> Packets {
        let mut packets = Packets::default();
        for time in times {
            packets.take(&format!("{time:.6},0.040000,K_"));
        }
        packets
    }

    fn stated(text: &str) -> Option<FrameRate> {
        text.parse().ok()
    }

    #[test]
    fn a_stated_rate_is_believed_when_the_packets_bear_it_out() {
        let film = packets((0..48).map(|n| f64::from(n) * 1_001.0 / 24_000.0));
        assert_eq!(film.frame_rate(stated("24000/1001")).to_string(), "24000/1001");
        assert_eq!(film.frame_rate(stated("1000/1")).to_string(), "24000/1001");
        let odd = packets((0..90).map(|n| f64::from(n) * 6.0 / 179.0));
        assert_eq!(odd.frame_rate(stated("179/6")).to_string(), "179/6");
    }

    #[test]
    fn a_variable_rate_takes_the_grid_nearest_to_its_mean() {
        let mut time = 0.0;
        let jitter = packets((0..300).map(|n| {
            time += if n % 3 == 0 { 0.030 } else { 0.035 };
            time
        }));
        assert_eq!(jitter.frame_rate(stated("600/1")).to_string(), "30/1");
    }

    #[test]
    fn side_data_is_no_packet() {
        let mut packets = packets([0.0, 0.04]);
        packets.take("");
        assert_eq!(packets.frames(), 2);
    }

    #[test]
    fn packets_before_an_edit_do_not_count() {
        let mut packets = packets([0.0, 0.04]);
        packets.take("-0.04,0.04,KD");
        assert_eq!(packets.frames(), 2);
        assert!((packets.seconds(None) - 0.08).abs() < 1e-9);
    }
}
