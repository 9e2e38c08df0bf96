//! Rules on the pictures: what decoders and screens can show.

use super::Case;
use crate::hls::picture::{PictureFacts, SampleEntry, VideoCodec, VideoRange};
use crate::hls::playlist::Container;
use crate::hls::segment::SegmentFacts;
use clipper_domain::{h264_level, hevc_level};

pub(super) fn one_parameter_set(case: &Case<'_>) -> Option<String> {
    let first = &case.segments.first()?.picture;
    let number = case.first_segment(|segment| segment.distinct_sps > 1 || segment.picture != *first)?;
    Some(format!("segment {number} changes the encoding parameters"))
}

pub(super) fn at_most_sixty_frames(case: &Case<'_>) -> Option<String> {
    let rate = case.facts.frame_rate;
    (rate.per_thousand_seconds() > 60_000).then(|| format!("has {:.3} frames per second", rate.as_f64()))
}

pub(super) fn hevc_is_in_fmp4(case: &Case<'_>) -> Option<String> {
    let foreign = |segment: &SegmentFacts| segment.picture.is_hevc() && segment.container == Container::Ts;
    let number = case.first_segment(foreign)?;
    Some(format!("segment {number} is HEVC in MPEG-TS"))
}

/// High profile and the level that was asked for.
pub(super) fn h264_is_within_high(case: &Case<'_>) -> Option<String> {
    // Baseline, Main, Extended, High.
    const PROFILES: [u8; 4] = [66, 77, 88, 100];
    let number = case.first_segment(|segment| match segment.picture.codec {
        VideoCodec::H264 { profile_idc, .. } => {
            !PROFILES.contains(&profile_idc) || !is_420(&segment.picture, 8) || too_high(case, segment)
        }
        VideoCodec::Hevc(_) => false,
    })?;
    let highest = case.expected.max_level;
    beyond(
        case,
        number,
        &format!("8-bit 4:2:0 of High profile at level_idc {highest}"),
    )
}

/// Main 10 profile and the level that was asked for, of either tier.
pub(super) fn hevc_is_within_main10(case: &Case<'_>) -> Option<String> {
    // Main, Main 10, Main Still Picture.
    const PROFILES: [u8; 3] = [1, 2, 3];
    let number = case.first_segment(|segment| match segment.picture.codec {
        VideoCodec::H264 { .. } => false,
        VideoCodec::Hevc(profile) => {
            !PROFILES.contains(&profile.idc) || !is_420(&segment.picture, 10) || too_high(case, segment)
        }
    })?;
    let highest = case.expected.max_level;
    beyond(
        case,
        number,
        &format!("10-bit 4:2:0 of Main 10 profile at level_idc {highest}"),
    )
}

fn is_420(picture: &PictureFacts, max_depth: u8) -> bool {
    picture.bit_depth <= max_depth && picture.chroma_format_idc == 1
}

fn too_high(case: &Case<'_>, segment: &SegmentFacts) -> bool {
    segment.picture.level_idc > case.expected.max_level
}

fn beyond(case: &Case<'_>, number: usize, limit: &str) -> Option<String> {
    let picture = &case.segments.get(number)?.picture;
    Some(format!(
        "segment {number} is beyond {limit}: {}, {} bits, chroma format {}",
        picture.codec(),
        picture.bit_depth,
        picture.chroma_format_idc
    ))
}

pub(super) fn parameter_sets_are_out_of_band(case: &Case<'_>) -> Option<String> {
    let number = case.first_segment(|segment| match segment.picture.entry {
        SampleEntry::Avc1 | SampleEntry::Hvc1 => false,
        SampleEntry::Avc3 | SampleEntry::Hev1 => true,
    })?;
    let codec = case.segments.get(number)?.picture.codec();
    Some(format!("segment {number} is {codec} instead of avc1 or hvc1"))
}

fn needed_level(case: &Case<'_>, bits_per_second: u64) -> Option<u8> {
    let facts = case.facts;
    let kbps = u32::try_from(bits_per_second.div_ceil(1_000)).unwrap_or(u32::MAX);
    let size = (facts.width, facts.height);
    match facts.picture.codec {
        VideoCodec::H264 { .. } => h264_level(size, facts.frame_rate, kbps, 0),
        VideoCodec::Hevc(_) => hevc_level(size, facts.frame_rate, kbps, 0),
    }
}

pub(super) fn h264_level_is_high_enough(case: &Case<'_>) -> Option<String> {
    if case.facts.picture.is_hevc() {
        return None;
    }
    level_is_high_enough(case)
}

pub(super) fn hevc_level_is_high_enough(case: &Case<'_>) -> Option<String> {
    if !case.facts.picture.is_hevc() {
        return None;
    }
    level_is_high_enough(case)
}

fn level_is_high_enough(case: &Case<'_>) -> Option<String> {
    let Some(needed) = needed_level(case, 0) else {
        return Some("no level allows this size and frame rate".to_owned());
    };
    let level = case.facts.level_idc;
    (level < needed).then(|| format!("level_idc {level}, but size and frame rate need {needed}"))
}

pub(super) fn level_is_no_higher_than_needed(case: &Case<'_>) -> Option<String> {
    // Reference frames may ask for more in small pictures, and no device with HLS stops below 3.1.
    let everywhere = match case.facts.picture.codec {
        VideoCodec::H264 { .. } => 31,
        VideoCodec::Hevc(_) => 93,
    };
    let needed = needed_level(case, case.facts.peak_bandwidth)?.max(everywhere);
    let level = case.facts.level_idc;
    (level > needed).then(|| format!("level_idc {level} keeps out devices that could play it at {needed}"))
}

pub(super) fn progressive(case: &Case<'_>) -> Option<String> {
    let number = case.first_segment(|segment| !segment.picture.progressive)?;
    Some(format!("segment {number} is interlaced"))
}

/// Only HEVC may be HDR (APL 1.7), and then the master playlist has to say so.
pub(super) fn standard_dynamic_range(case: &Case<'_>) -> Option<String> {
    let number = case.first_segment(|segment| match (segment.picture.range(), segment.picture.codec) {
        (VideoRange::Sdr, _) | (_, VideoCodec::Hevc(_)) => false,
        (VideoRange::Hlg | VideoRange::Pq, VideoCodec::H264 { .. }) => true,
    })?;
    Some(format!(
        "segment {number} is HDR, and H.264 rungs are declared to be SDR"
    ))
}

pub(super) fn square_samples(case: &Case<'_>) -> Option<String> {
    let stretched = |segment: &SegmentFacts| {
        segment
            .picture
            .sample_aspect
            .is_some_and(|(width, height)| width != height)
    };
    let number = case.first_segment(stretched)?;
    let (width, height) = case.segments.get(number)?.picture.sample_aspect?;
    Some(format!("segment {number} has samples of {width}:{height}"))
}

pub(super) fn size_is_as_planned(case: &Case<'_>) -> Option<String> {
    let planned = (case.expected.width, case.expected.height);
    let number = case.first_segment(|segment| (segment.picture.width, segment.picture.height) != planned)?;
    let sps = &case.segments.get(number)?.picture;
    Some(format!(
        "segment {number} is {}x{} instead of {}x{}",
        sps.width, sps.height, planned.0, planned.1
    ))
}
