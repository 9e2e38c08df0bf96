//! The publish gate of one rendition: its segments against each other and against what was planned.

mod picture;
mod sound;

use super::{Finding, Rule, judge, must, should};
use crate::hls::aac::AudioFacts;
use crate::hls::clock::{TICKS_PER_SECOND, rounded, seconds, unwrap_near};
use crate::hls::rendition::RenditionFacts;
use crate::hls::segment::SegmentFacts;
use clipper_domain::FrameRate;

/// What the rendition was meant to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// As shown.
    pub width: u32,
    /// As shown.
    pub height: u32,
    /// Of the video; at most 60.
    pub frame_rate: FrameRate,
    /// Highest `level_idc` the audience decodes: in HLS 52 for H.264, 153 for HEVC.
    pub max_level: u8,
    /// Of the whole, in 90 kHz ticks.
    pub duration_90k: u64,
}

struct Case<'a> {
    facts: &'a RenditionFacts,
    segments: &'a [SegmentFacts],
    expected: &'a Expected,
}

type Check = fn(&Case<'_>) -> Option<String>;

const RULES: &[Rule<Check>] = &[
    must("BIS 4.4.3.1", durations_fit_the_target),
    must("APL 8.1", lasts_as_long_as_planned),
    should("APL 8.1 frames", frames_fill_each_segment),
    must("APL 7.3", segments_follow_in_time),
    must("APL 7.4", segments_start_with_an_idr),
    must("APL 7.4 closed GOP", no_pictures_before_the_first),
    should("APL 1.13", key_frames_every_two_seconds),
    should("APL 8.14", picture::one_parameter_set),
    must("RFC 3.2", tables_come_first),
    must("RFC 3.2 packets", no_packet_is_lost),
    must("APL 1.19", picture::at_most_sixty_frames),
    must("APL 1.5", picture::hevc_is_in_fmp4),
    must("APL 1.3", picture::h264_is_within_high),
    must("APL 1.6", picture::hevc_is_within_main10),
    should("APL 1.10", picture::parameter_sets_are_out_of_band),
    must("H.264 A.3", picture::h264_level_is_high_enough),
    must("H.265 A.4", picture::hevc_level_is_high_enough),
    should("APL 1.11 level", picture::level_is_no_higher_than_needed),
    must("APL 1.14", picture::progressive),
    must("APL 9.16", picture::standard_dynamic_range),
    must("APL 1.33 samples", picture::square_samples),
    must("APL 9.2", picture::size_is_as_planned),
    must("RFC 4.3.4.2", bandwidths_are_ordered),
    should("APL 1.30", peak_is_at_most_twice_the_average),
    must("APL 8.14 sound", sound::is_one_track),
    should("APL 2.3 gap", sound::is_in_every_segment),
    must("APL 7.3 sound", sound::is_continuous),
    should("APL 8.1 sound", sound::does_not_drift),
    should("APL 2.3", sound::is_stereo_lc),
];

/// Every rule that this rendition breaks; none means that it may be published.
pub fn validate_rendition(
    facts: &RenditionFacts,
    segments: &[SegmentFacts],
    expected: &Expected,
) -> Vec<Finding> {
    let case = Case {
        facts,
        segments,
        expected,
    };
    judge(RULES, |check| check(&case))
}

impl<'a> Case<'a> {
    fn frame(&self) -> u64 {
        self.expected.frame_rate.ticks_90k(1)
    }

    /// Of the first segment that has any.
    fn sound(&self) -> Option<&'a AudioFacts> {
        self.segments.iter().find_map(|segment| segment.audio.as_ref())
    }

    /// The number of the first segment that is not as it should be.
    fn first_segment(&self, broken: impl FnMut(&SegmentFacts) -> bool) -> Option<usize> {
        self.segments.iter().position(broken)
    }

    /// Each segment and the one after it, with the number of the latter.
    fn neighbours(&self) -> impl Iterator<Item = (usize, &'a SegmentFacts, &'a SegmentFacts)> {
        let pairs = self.segments.iter().zip(self.segments.iter().skip(1));
        pairs
            .enumerate()
            .map(|(number, (segment, next))| (number + 1, segment, next))
    }
}

fn durations_fit_the_target(case: &Case<'_>) -> Option<String> {
    let target = u64::from(case.facts.target_duration);
    let too_long = |ticks: u32| rounded(u128::from(ticks), u128::from(TICKS_PER_SECOND)) > target;
    let number = case
        .facts
        .segments
        .iter()
        .position(|entry| too_long(entry.duration_90k))?;
    Some(format!(
        "segment {number} is longer than the target duration of {target} s"
    ))
}

fn lasts_as_long_as_planned(case: &Case<'_>) -> Option<String> {
    let (is, planned) = (case.facts.duration_90k(), case.expected.duration_90k);
    (is.abs_diff(planned) > case.frame())
        .then(|| format!("lasts {:.3} s instead of {:.3} s", seconds(is), seconds(planned)))
}

/// Missing or doubled pictures shift everything after them against the sound.
fn frames_fill_each_segment(case: &Case<'_>) -> Option<String> {
    let rate = case.expected.frame_rate;
    let mut pairs = case.segments.iter().zip(&case.facts.segments);
    let number = pairs.position(|(segment, entry)| {
        rate.ticks_90k(segment.frames)
            .abs_diff(u64::from(entry.duration_90k))
            > case.frame()
    })?;
    let frames = case.segments.get(number)?.frames;
    let lasts = case.facts.segments.get(number)?.seconds();
    Some(format!("segment {number} has {frames} frames in {lasts:.3} s"))
}

fn segments_follow_in_time(case: &Case<'_>) -> Option<String> {
    let (number, ..) = case
        .neighbours()
        .find(|(_, segment, next)| unwrap_near(segment.last_pts, next.first_pts) <= segment.last_pts)?;
    Some(format!(
        "segment {number} starts before the last picture of the segment before it"
    ))
}

fn segments_start_with_an_idr(case: &Case<'_>) -> Option<String> {
    let number = case.first_segment(|segment| !segment.starts_with_idr)?;
    Some(format!("segment {number} does not start with an IDR picture"))
}

fn no_pictures_before_the_first(case: &Case<'_>) -> Option<String> {
    let number = case.first_segment(|segment| segment.leading_frames > 0)?;
    Some(format!("segment {number} shows pictures before its first one"))
}

fn key_frames_every_two_seconds(case: &Case<'_>) -> Option<String> {
    let keys = &case.facts.key_frames_90k;
    let ends = keys.iter().skip(1).copied().chain([case.facts.duration_90k()]);
    let gaps = keys.iter().zip(ends).map(|(key, end)| end.saturating_sub(*key));
    let longest = gaps
        .max()
        .filter(|gap| *gap > 2 * TICKS_PER_SECOND + case.frame())?;
    Some(format!("{:.3} s without a key frame", seconds(longest)))
}

fn tables_come_first(case: &Case<'_>) -> Option<String> {
    let number = case.first_segment(|segment| !segment.tables_first)?;
    Some(format!("segment {number} has media before its PAT and PMT"))
}

fn no_packet_is_lost(case: &Case<'_>) -> Option<String> {
    let number = case.first_segment(|segment| segment.lost_packets > 0)?;
    Some(format!(
        "segment {number} has damaged or missing transport packets"
    ))
}

fn bandwidths_are_ordered(case: &Case<'_>) -> Option<String> {
    let (peak, average) = (case.facts.peak_bandwidth, case.facts.average_bandwidth);
    (average == 0 || peak < average).then(|| format!("peak of {peak} bit/s and average of {average} bit/s"))
}

fn peak_is_at_most_twice_the_average(case: &Case<'_>) -> Option<String> {
    let (peak, average) = (case.facts.peak_bandwidth, case.facts.average_bandwidth);
    (peak / 2 > average).then(|| format!("peak of {peak} bit/s is over twice the average of {average} bit/s"))
}
