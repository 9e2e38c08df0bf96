//! Rules on the pictures: what decoders and screens can show.

use super::Case;
use crate::hls::segment::SegmentFacts;
use clipper_domain::h264_level;

pub(super) fn one_parameter_set(case: &Case<'_>) -> Option<String> {
    let first = &case.segments.first()?.sps;
    let number = case.first_segment(|segment| segment.distinct_sps > 1 || segment.sps != *first)?;
    Some(format!("segment {number} changes the encoding parameters"))
}

pub(super) fn at_most_sixty_frames(case: &Case<'_>) -> Option<String> {
    let rate = case.facts.frame_rate;
    (rate.per_thousand_seconds() > 60_000).then(|| format!("has {:.3} frames per second", rate.as_f64()))
}

pub(super) fn level_is_supported(case: &Case<'_>) -> Option<String> {
    let (level, highest) = (case.facts.level_idc, case.expected.max_level);
    (level > highest).then(|| format!("level_idc {level} is above {highest}"))
}

fn needed_level(case: &Case<'_>, bits_per_second: u64) -> Option<u8> {
    let facts = case.facts;
    let kbps = u32::try_from(bits_per_second.div_ceil(1_000)).unwrap_or(u32::MAX);
    h264_level((facts.width, facts.height), facts.frame_rate, kbps, 0)
}

pub(super) fn level_is_high_enough(case: &Case<'_>) -> Option<String> {
    let Some(needed) = needed_level(case, 0) else {
        return Some("no level allows this size and frame rate".to_owned());
    };
    let level = case.facts.level_idc;
    (level < needed).then(|| format!("level_idc {level}, but size and frame rate need {needed}"))
}

pub(super) fn level_is_no_higher_than_needed(case: &Case<'_>) -> Option<String> {
    // Reference frames may ask for more in small pictures, and no device with HLS stops below 3.1.
    let needed = needed_level(case, case.facts.peak_bandwidth)?.max(31);
    let level = case.facts.level_idc;
    (level > needed).then(|| format!("level_idc {level} keeps out devices that could play it at {needed}"))
}

pub(super) fn eight_bit_420(case: &Case<'_>) -> Option<String> {
    let number =
        case.first_segment(|segment| segment.sps.bit_depth != 8 || segment.sps.chroma_format_idc != 1)?;
    Some(format!("segment {number} is not 8-bit 4:2:0"))
}

pub(super) fn progressive(case: &Case<'_>) -> Option<String> {
    let number = case.first_segment(|segment| !segment.sps.progressive)?;
    Some(format!("segment {number} is interlaced"))
}

pub(super) fn standard_dynamic_range(case: &Case<'_>) -> Option<String> {
    // PQ and HLG (ITU-T H.273); everything else is shown as SDR, stated or not.
    const HDR: [u8; 2] = [16, 18];
    let foreign = |segment: &SegmentFacts| segment.sps.transfer.is_some_and(|code| HDR.contains(&code));
    let number = case.first_segment(foreign)?;
    Some(format!(
        "segment {number} is HDR, and H.264 rungs are declared to be SDR"
    ))
}

pub(super) fn square_samples(case: &Case<'_>) -> Option<String> {
    let stretched = |segment: &SegmentFacts| {
        segment
            .sps
            .sample_aspect
            .is_some_and(|(width, height)| width != height)
    };
    let number = case.first_segment(stretched)?;
    let (width, height) = case.segments.get(number)?.sps.sample_aspect?;
    Some(format!("segment {number} has samples of {width}:{height}"))
}

pub(super) fn size_is_as_planned(case: &Case<'_>) -> Option<String> {
    let planned = (case.expected.width, case.expected.height);
    let number = case.first_segment(|segment| (segment.sps.width, segment.sps.height) != planned)?;
    let sps = &case.segments.get(number)?.sps;
    Some(format!(
        "segment {number} is {}x{} instead of {}x{}",
        sps.width, sps.height, planned.0, planned.1
    ))
}
