//! A rendition measured from its segments: durations, bit rates and everything a playlist declares.

mod bandwidth;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::clock::{TICKS_PER_SECOND, rounded, seconds, unwrap_near};
use super::picture::PictureFacts;
use super::playlist::Container;
use super::segment::SegmentFacts;
pub(super) use bandwidth::{bits_per_second, peak_bandwidth, total};
use clipper_domain::{FrameRate, Segment};

/// A segment as playlists see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentEntry {
    /// In ticks of the 90 kHz clock, so that sums stay exact.
    pub duration_90k: u32,
    /// Size of the file.
    pub bytes: u64,
}

impl From<&Segment> for SegmentEntry {
    fn from(segment: &Segment) -> Self {
        Self {
            duration_90k: segment.duration_90k,
            bytes: segment.bytes,
        }
    }
}

impl SegmentEntry {
    /// The duration in seconds.
    pub fn seconds(&self) -> f64 {
        seconds(u64::from(self.duration_90k))
    }
}

/// What the master playlist declares of a rendition, and what the rules compare between renditions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenditionFacts {
    /// In order.
    pub segments: Vec<SegmentEntry>,
    /// Whole seconds, for `EXT-X-TARGETDURATION`.
    pub target_duration: u32,
    /// For `CODECS`, read from the bytes.
    pub codecs: String,
    /// As shown.
    pub width: u32,
    /// As shown.
    pub height: u32,
    /// Of the video.
    pub frame_rate: FrameRate,
    /// The `level_idc`: ten times the level for H.264, thirty times for HEVC.
    pub level_idc: u8,
    /// What the pictures of the first segment are like.
    pub picture: PictureFacts,
    /// What the segments are made of.
    pub container: Container,
    /// Bits per second in the worst run of segments, for `BANDWIDTH`.
    pub peak_bandwidth: u64,
    /// Bits per second over the whole, for `AVERAGE-BANDWIDTH`.
    pub average_bandwidth: u64,
    /// The time stamp of the first picture.
    pub start_pts: i64,
    /// When key frames are shown, in ticks after the first picture.
    pub key_frames_90k: Vec<u64>,
}

impl RenditionFacts {
    /// The duration in ticks.
    pub fn duration_90k(&self) -> u64 {
        total(&self.segments).0
    }

    /// The duration in seconds.
    pub fn seconds(&self) -> f64 {
        seconds(self.duration_90k())
    }

    /// The size of all segments.
    pub fn bytes(&self) -> u64 {
        total(&self.segments).1
    }

    /// Where each segment ends, in ticks after the first picture.
    pub(super) fn boundaries(&self) -> Vec<u64> {
        let mut end = 0;
        let add = |entry: &SegmentEntry| {
            end += u64::from(entry.duration_90k);
            end
        };
        self.segments.iter().map(add).collect()
    }
}

/// Why segments do not make a rendition.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MeasureError {
    /// Nothing to measure.
    #[error("rendition has no segments")]
    Empty,
    /// Its first picture is not later than that of the segment before, or later by half a day.
    #[error("segment {number} does not follow the segment before it in time")]
    OutOfOrder {
        /// Counted from 0.
        number: usize,
    },
}

/// Measures consecutive segments of one rendition.
///
/// A segment lasts until the first picture of the next one. The last segment has no next one: it lasts until its
/// last picture has been shown for one frame, so its duration is final only once nothing follows.
pub fn measure(segments: &[SegmentFacts], frame_rate: FrameRate) -> Result<RenditionFacts, MeasureError> {
    let first = segments.first().ok_or(MeasureError::Empty)?;
    let starts = starts(segments);
    let entries = entries(segments, &starts, frame_rate)?;
    let target_duration = target_duration(&entries);
    let average_bandwidth = bits_per_second(total(&entries));
    Ok(RenditionFacts {
        target_duration,
        codecs: codecs(segments, first),
        width: first.picture.width,
        height: first.picture.height,
        frame_rate,
        level_idc: first.picture.level_idc,
        picture: first.picture.clone(),
        container: first.container,
        peak_bandwidth: peak_bandwidth(&entries, target_duration)
            .unwrap_or(0)
            .max(average_bandwidth),
        average_bandwidth,
        start_pts: first.first_pts,
        key_frames_90k: key_frames(segments, &starts),
        segments: entries,
    })
}

/// The first time stamp of each segment on one count that does not wrap.
fn starts(segments: &[SegmentFacts]) -> Vec<i64> {
    let mut reference = segments.first().map_or(0, |first| first.first_pts);
    let unwrap = |segment: &SegmentFacts| {
        reference = unwrap_near(reference, segment.first_pts);
        reference
    };
    segments.iter().map(unwrap).collect()
}

fn entries(
    segments: &[SegmentFacts],
    starts: &[i64],
    frame_rate: FrameRate,
) -> Result<Vec<SegmentEntry>, MeasureError> {
    let mut entries = Vec::with_capacity(segments.len());
    for (number, (segment, start)) in segments.iter().zip(starts).enumerate() {
        let duration_90k = match starts.get(number + 1) {
            Some(next) => u32::try_from(next.saturating_sub(*start))
                .ok()
                .filter(|ticks| *ticks > 0),
            None => Some(shown_ticks(segment, frame_rate)),
        };
        let duration_90k = duration_90k.ok_or(MeasureError::OutOfOrder { number: number + 1 })?;
        entries.push(SegmentEntry {
            duration_90k,
            bytes: segment.bytes,
        });
    }
    Ok(entries)
}

/// From the first picture to the end of the last: exact for a constant frame rate and right for a variable one.
fn shown_ticks(segment: &SegmentFacts, frame_rate: FrameRate) -> u32 {
    let between = u64::try_from(segment.last_pts.saturating_sub(segment.first_pts)).unwrap_or(0);
    u32::try_from(between.saturating_add(frame_rate.ticks_90k(1))).unwrap_or(u32::MAX)
}

/// The longest duration to the nearest second (BIS 4.4.3.1), at least 1 for clips under half a second.
pub(super) fn target_duration(entries: &[SegmentEntry]) -> u32 {
    let longest = entries.iter().map(|entry| entry.duration_90k).max().unwrap_or(0);
    u32::try_from(rounded(u128::from(longest), u128::from(TICKS_PER_SECOND)))
        .unwrap_or(u32::MAX)
        .max(1)
}

/// The sound may start in a later segment; the master playlist declares it all the same.
fn codecs(segments: &[SegmentFacts], first: &SegmentFacts) -> String {
    let video = first.picture.codec();
    match segments.iter().find_map(|segment| segment.audio.as_ref()) {
        Some(audio) => format!("{video},{}", audio.codec()),
        None => video,
    }
}

fn key_frames(segments: &[SegmentFacts], starts: &[i64]) -> Vec<u64> {
    let origin = starts.first().copied().unwrap_or(0);
    let shown = |(segment, start): (&SegmentFacts, &i64)| {
        let shift = start.saturating_sub(segment.first_pts).saturating_sub(origin);
        segment
            .key_frames
            .iter()
            .filter_map(|key| u64::try_from(key.pts.saturating_add(shift)).ok())
            .collect::<Vec<_>>()
    };
    segments.iter().zip(starts).flat_map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::segment::inspect_segment;
    use crate::hls::synthetic::Synthetic;
    use proptest::prelude::*;

    fn pal() -> FrameRate {
        FrameRate::new(25, 1).unwrap()
    }

    fn segments(starts_and_frames: &[(i64, u8)]) -> Vec<SegmentFacts> {
        let inspect =
            |(pts, frames): &(i64, u8)| inspect_segment(&Synthetic::segment(*pts, *frames)).unwrap();
        starts_and_frames.iter().map(inspect).collect()
    }

    fn durations(facts: &RenditionFacts) -> Vec<u32> {
        facts.segments.iter().map(|entry| entry.duration_90k).collect()
    }

    #[test]
    fn segments_last_until_the_next_one_and_the_last_until_its_last_frame_ends() {
        let facts = measure(&segments(&[(1000, 50), (181_001, 50), (361_000, 3)]), pal()).unwrap();
        assert_eq!(durations(&facts), [180_001, 179_999, 10_800]);
        assert_eq!(facts.duration_90k(), 370_800);
        assert_eq!((facts.target_duration, facts.start_pts), (2, 1000));
        assert_eq!(facts.key_frames_90k, [0, 180_001, 360_000]);
        assert_eq!(facts.codecs, "avc1.64001f,mp4a.40.2");
    }

    #[test]
    fn time_stamps_may_wrap_between_segments() {
        let wrap = 1_i64 << 33;
        let facts = measure(&segments(&[(wrap - 90_000, 50), (90_000, 50)]), pal()).unwrap();
        assert_eq!(durations(&facts), [180_000, 180_000]);
        assert_eq!(facts.key_frames_90k, [0, 180_000]);
    }

    #[test]
    fn sound_that_starts_late_is_declared() {
        let mut segments = segments(&[(0, 50), (180_000, 50)]);
        segments[0].audio = None;
        assert_eq!(measure(&segments, pal()).unwrap().codecs, "avc1.64001f,mp4a.40.2");
        segments[1].audio = None;
        assert_eq!(measure(&segments, pal()).unwrap().codecs, "avc1.64001f");
    }

    #[test]
    fn segments_out_of_order_are_refused() {
        let backwards = segments(&[(180_000, 50), (180_000, 50)]);
        assert_eq!(
            measure(&backwards, pal()),
            Err(MeasureError::OutOfOrder { number: 1 })
        );
        assert_eq!(measure(&[], pal()), Err(MeasureError::Empty));
    }

    #[test]
    fn a_clip_under_half_a_second_is_measured_whole() {
        let facts = measure(&segments(&[(0, 5)]), pal()).unwrap();
        assert_eq!((facts.target_duration, durations(&facts)), (1, vec![18_000]));
        assert_eq!(facts.average_bandwidth, facts.bytes() * 8 * 5);
        assert_eq!(facts.peak_bandwidth, facts.average_bandwidth);
    }

    fn entries(seconds_and_bytes: &[(u32, u64)]) -> Vec<SegmentEntry> {
        let entry = |(tenths, bytes): &(u32, u64)| SegmentEntry {
            duration_90k: tenths * 9000,
            bytes: *bytes,
        };
        seconds_and_bytes.iter().map(entry).collect()
    }

    #[test]
    fn the_target_is_the_longest_segment_to_the_nearest_second() {
        assert_eq!(target_duration(&entries(&[(60, 0), (64, 0)])), 6);
        assert_eq!(target_duration(&entries(&[(65, 0)])), 7);
        assert_eq!(target_duration(&entries(&[(2, 0)])), 1);
    }

    proptest! {
        #[test]
        fn the_peak_is_never_under_the_average(
            tenths_and_bytes in prop::collection::vec((1_u32..120, 1_u64..10_000_000), 1..20),
        ) {
            let entries = entries(&tenths_and_bytes);
            let mut shape = segments(&[(0, 2)]).remove(0);
            let mut pts = 0;
            let shaped: Vec<_> = entries
                .iter()
                .map(|entry| {
                    shape.bytes = entry.bytes;
                    shape.first_pts = pts;
                    pts += i64::from(entry.duration_90k);
                    shape.last_pts = pts - 3600;
                    shape.clone()
                })
                .collect();
            let facts = measure(&shaped, pal()).unwrap();
            prop_assert_eq!(&facts.segments, &entries);
            prop_assert!(facts.peak_bandwidth >= facts.average_bandwidth);
            prop_assert!(facts.average_bandwidth > 0);
            for entry in &facts.segments {
                prop_assert!(entry.seconds() < f64::from(facts.target_duration) + 0.5);
            }
        }
    }
}
