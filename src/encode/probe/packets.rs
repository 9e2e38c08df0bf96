//! A video track's packets, one by one: how long it really lasts, how fast it really runs, where its key frames are.

use clipper_domain::FrameRate;

/// What a walk over all packets found.
#[derive(Debug, Default)]
pub(super) struct Packets {
    shown: Vec<Shown>,
    /// Packets without a time stamp.
    unstamped: u64,
    bytes: u64,
    edited: bool,
    /// How many came before the first key frame: no decoder shows them.
    unkeyed: Option<usize>,
}

/// A packet that is shown.
#[derive(Clone, Copy, Debug)]
struct Shown {
    pts: f64,
    duration: f64,
    bytes: u64,
    key: bool,
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

/// How far apart two equal gaps may lie where a container rounds to milliseconds, in seconds.
const ROUNDED: f64 = 0.001_5;
/// The share of gaps that have to be alike to make a rate.
const NEARLY_ALL: f64 = 0.75;

/// How far a measured rate may lie from a stated or standard one and still mean it.
const NEAR: f64 = 0.004;

impl Packets {
    /// Takes the fields of a line of ffprobe's CSV: `pts_time,duration_time,size,flags`. A packet marked `D` is cut away
    /// by an edit list.
    pub(super) fn take<'a>(&mut self, mut fields: impl Iterator<Item = &'a str>) {
        let (pts, duration, bytes, flags) = (fields.next(), fields.next(), fields.next(), fields.next());
        let key = flags.is_some_and(|flags| flags.contains('K'));
        if key && self.unkeyed.is_none() {
            self.unkeyed = Some(self.shown.len());
        }
        if flags.is_some_and(|flags| flags.contains('D')) {
            self.edited = true;
            return;
        }
        let bytes = bytes.and_then(|bytes| bytes.parse().ok()).unwrap_or_default();
        self.bytes += bytes;
        let Some(pts) = pts.and_then(|pts| pts.parse::<f64>().ok()) else {
            self.unstamped += 1;
            return;
        };
        self.shown.push(Shown {
            pts,
            duration: duration.and_then(|text| text.parse().ok()).unwrap_or_default(),
            bytes,
            key,
        });
    }

    /// Puts the packets into the order in which they are shown, without those that are not.
    pub(super) fn sort(&mut self) {
        self.shown.drain(..self.unkeyed.take().unwrap_or_default());
        self.shown.sort_by(|a, b| a.pts.total_cmp(&b.pts));
    }

    pub(super) fn frames(&self) -> u64 {
        self.shown.len() as u64 + self.unstamped
    }

    /// Whether an edit list cuts pictures away.
    pub(super) fn edited(&self) -> bool {
        self.edited
    }

    /// When the first picture is shown.
    pub(super) fn first(&self) -> f64 {
        self.shown.first().map_or(0.0, |shown| shown.pts)
    }

    /// From the first picture to the end of the last.
    pub(super) fn seconds(&self, stated: Option<FrameRate>) -> f64 {
        let last = self.shown.last().map_or(0.0, |shown| shown.duration);
        let frame = if last > 0.0 {
            last
        } else {
            self.frame_rate(stated).seconds(1)
        };
        self.span() + frame
    }

    fn span(&self) -> f64 {
        self.shown.last().map_or(0.0, |last| last.pts - self.first())
    }

    /// The rate of the constant grid: the stated one where the packets bear it out, else a standard one near to what
    /// was measured, else what was measured. Pictures that are missing here and there do not slow the grid down: each
    /// of the others would be shown at another time than it was taken.
    pub(super) fn frame_rate(&self, stated: Option<FrameRate>) -> FrameRate {
        let Some(measured) = self.typical().or_else(|| self.mean()) else {
            return stated.unwrap_or(FrameRate::PAL);
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

    /// The rate at which nearly all pictures follow each other, where there is one.
    #[expect(clippy::cast_precision_loss, reason = "frame counts stay far below 2^52")]
    fn typical(&self) -> Option<f64> {
        let next = self.shown.iter().skip(1);
        let mut gaps: Vec<f64> = self
            .shown
            .iter()
            .zip(next)
            .map(|(one, next)| next.pts - one.pts)
            .collect();
        gaps.sort_by(f64::total_cmp);
        let median = *gaps.get(gaps.len() / 2)?;
        let alike: Vec<f64> = gaps
            .iter()
            .copied()
            .filter(|gap| (gap - median).abs() <= ROUNDED)
            .collect();
        let mean = alike.iter().sum::<f64>() / alike.len() as f64;
        (mean > 0.0 && alike.len() as f64 >= gaps.len() as f64 * NEARLY_ALL).then(|| 1.0 / mean)
    }

    #[expect(clippy::cast_precision_loss, reason = "frame counts stay far below 2^52")]
    fn mean(&self) -> Option<f64> {
        let span = self.span();
        (self.shown.len() > 1 && span > 0.0).then(|| (self.shown.len() - 1) as f64 / span)
    }

    /// Whether any picture lies nearer to another place of the grid than to its own.
    #[expect(clippy::cast_precision_loss, reason = "frame counts stay far below 2^52")]
    pub(super) fn variable(&self, rate: FrameRate) -> bool {
        let (first, rate) = (self.first(), rate.as_f64());
        let off = |(place, shown): (usize, &Shown)| ((shown.pts - first) * rate - place as f64).abs() >= 0.5;
        self.unstamped > 0 || self.shown.iter().enumerate().any(off)
    }

    /// The places of the key frames in the order in which pictures are shown.
    pub(super) fn key_frames(&self) -> Vec<u64> {
        let keys = (0..).zip(&self.shown).filter(|(_, shown)| shown.key);
        keys.map(|(place, _)| place).collect()
    }

    /// The mean bit rate.
    pub(super) fn bitrate(&self, seconds: f64) -> u64 {
        bits_per_second(self.bytes, seconds)
    }

    /// The highest bit rate of a stretch from one key frame to another that lasts a second or longer.
    pub(super) fn peak_bitrate(&self, seconds: f64) -> u64 {
        let mut peak = 0;
        let (mut begun, mut bytes) = (self.first(), 0);
        for shown in &self.shown {
            if shown.key && shown.pts - begun >= 1.0 {
                peak = peak.max(bits_per_second(bytes, shown.pts - begun));
                (begun, bytes) = (shown.pts, 0);
            }
            bytes += shown.bytes;
        }
        peak.max(self.bitrate(seconds))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "sizes of files stay far below 2^52"
)]
fn bits_per_second(bytes: u64, seconds: f64) -> u64 {
    (bytes as f64 * 8.0 / seconds.max(0.001)) as u64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what the type holds"
)]
fn hundredths(rate: f64) -> FrameRate {
    let num = (rate * 100.0).round().clamp(1.0, 100_000.0) as u32;
    FrameRate::new(num, 100).unwrap_or(FrameRate::PAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(times: impl IntoIterator<Item = f64>) -> Packets {
        let mut packets = Packets::default();
        for time in times {
            take(&mut packets, &format!("{time:.6},0.040000,1000,K_"));
        }
        packets.sort();
        packets
    }

    fn take(packets: &mut Packets, line: &str) {
        packets.take(line.split(','));
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
    fn pictures_that_are_missing_do_not_slow_the_grid_down() {
        let lossy = packets(
            (0..60)
                .filter(|n| *n != 1 && *n != 2)
                .map(|n| f64::from(n) / 24.0),
        );
        assert_eq!(lossy.frame_rate(stated("24/1")).to_string(), "24/1");
        assert!(lossy.variable(FrameRate::new(24, 1).unwrap()));
        let pause = packets((0..180).map(|n| f64::from(if n < 90 { n } else { n + 5 }) * 0.033_366_7));
        assert_eq!(pause.frame_rate(stated("30000/1001")).to_string(), "30000/1001");
    }

    #[test]
    fn a_recording_begins_with_its_first_key_frame() {
        let mut packets = Packets::default();
        for line in [
            "0.00,0.04,9,___",
            "0.04,0.04,9,___",
            "0.12,0.04,9,K__",
            "0.08,0.04,9,___",
        ] {
            take(&mut packets, line);
        }
        packets.sort();
        assert_eq!((packets.frames(), packets.key_frames()), (2, vec![1]));
    }

    #[test]
    fn a_rate_is_constant_when_every_picture_has_its_place() {
        let rate = FrameRate::new(30, 1).unwrap();
        // Matroska rounds to milliseconds.
        let rounded = packets((0..300).map(|n| (f64::from(n) / 0.03).round() / 1_000.0));
        assert!(!rounded.variable(rate));
        let gap = packets((0..300).map(|n| f64::from(if n < 100 { n } else { n + 1 }) / 30.0));
        assert!(gap.variable(rate));
    }

    #[test]
    fn packets_before_an_edit_do_not_count() {
        let mut packets = packets([0.0, 0.04]);
        take(&mut packets, "-0.04,0.04,10,KD");
        assert_eq!((packets.frames(), packets.edited()), (2, true));
        // What is decoded from a key frame that is cut away is shown.
        let mut trimmed = Packets::default();
        for line in [
            "-0.08,0.04,9,KD_",
            "-0.04,0.04,9,_D_",
            "0.00,0.04,9,___",
            "0.04,0.04,9,K__",
        ] {
            take(&mut trimmed, line);
        }
        trimmed.sort();
        assert_eq!(trimmed.frames(), 2);
        assert!((packets.seconds(None) - 0.08).abs() < 1e-9);
    }

    #[test]
    fn key_frames_and_peaks_are_found_in_the_order_of_showing() {
        let mut packets = Packets::default();
        // Decoded as I P B: the picture that is shown second comes last.
        for (pts, bytes, flags) in [("0.0", 125_000, "K__"), ("1.0", 10, "___"), ("0.5", 10, "___")] {
            take(&mut packets, &format!("{pts},0.5,{bytes},{flags}"));
        }
        take(&mut packets, "1.5,0.5,10,K__");
        packets.sort();
        assert_eq!(packets.key_frames(), [0, 3]);
        assert_eq!(packets.peak_bitrate(2.0), bits_per_second(125_020, 1.5));
        assert_eq!(packets.bitrate(2.0), bits_per_second(125_030, 2.0));
    }
}
