//! The rungs of one clip against each other: players switch between them at any segment.

use super::{Finding, Rule, judge, must, should};
use crate::hls::clock::{seconds, unwrap_near};
use crate::hls::rendition::RenditionFacts;

type Check = fn(&[&RenditionFacts]) -> Option<String>;

const RULES: &[Rule<Check>] = &[
    must("APL 8.2", same_target_duration),
    must("APL 8.3", same_time_range),
    must("RFC 6.2.4", same_time_stamps),
    should("APL 8.22", same_boundaries),
    should("APL 8.22 key frames", same_key_frames),
    must("APL 1.33", same_aspect_ratio),
    must("APL 8.15", all_or_none_with_sound),
    must("APL 1.11 reach", one_rung_for_every_device),
    should("APL 9.13", bandwidth_rises_with_size),
];

/// Every rule that these renditions break together; the order in which they are given does not matter.
pub fn validate_set(renditions: &[RenditionFacts]) -> Vec<Finding> {
    let mut by_size: Vec<_> = renditions.iter().collect();
    by_size.sort_by_key(|rendition| u64::from(rendition.width) * u64::from(rendition.height));
    judge(RULES, |check| check(&by_size))
}

/// The first pair of neighbours in size about which `differ` has something to say.
fn neighbours(
    rungs: &[&RenditionFacts],
    differ: impl Fn(&RenditionFacts, &RenditionFacts) -> Option<String>,
) -> Option<String> {
    rungs
        .iter()
        .zip(rungs.iter().skip(1))
        .find_map(|(smaller, larger)| {
            let difference = differ(smaller, larger)?;
            Some(format!("{} and {}: {difference}", size(smaller), size(larger)))
        })
}

fn size(rendition: &RenditionFacts) -> String {
    format!("{}x{}", rendition.width, rendition.height)
}

/// One frame of the slower rung: a 30 fps rung beside a 60 fps one cannot cut more finely.
fn frame(one: &RenditionFacts, other: &RenditionFacts) -> u64 {
    one.frame_rate.ticks_90k(1).max(other.frame_rate.ticks_90k(1))
}

fn same_target_duration(rungs: &[&RenditionFacts]) -> Option<String> {
    neighbours(rungs, |one, other| {
        let (one, other) = (one.target_duration, other.target_duration);
        (one != other).then(|| format!("target durations of {one} s and {other} s"))
    })
}

fn same_time_range(rungs: &[&RenditionFacts]) -> Option<String> {
    neighbours(rungs, |one, other| {
        (one.duration_90k().abs_diff(other.duration_90k()) > frame(one, other))
            .then(|| format!("durations of {:.3} s and {:.3} s", one.seconds(), other.seconds()))
    })
}

fn same_time_stamps(rungs: &[&RenditionFacts]) -> Option<String> {
    neighbours(rungs, |one, other| {
        let apart = unwrap_near(one.start_pts, other.start_pts).abs_diff(one.start_pts);
        (apart > frame(one, other)).then(|| format!("time stamps {:.3} s apart", seconds(apart)))
    })
}

fn same_boundaries(rungs: &[&RenditionFacts]) -> Option<String> {
    neighbours(rungs, |one, other| {
        first_difference(&one.boundaries(), &other.boundaries(), frame(one, other))
            .map(|number| format!("segment {number} ends at another time"))
    })
}

fn same_key_frames(rungs: &[&RenditionFacts]) -> Option<String> {
    neighbours(rungs, |one, other| {
        first_difference(&one.key_frames_90k, &other.key_frames_90k, frame(one, other))
            .map(|number| format!("key frame {number} is at another time"))
    })
}

/// The place from which on two lists of times differ by more than `tolerance`, or one of them ends.
fn first_difference(one: &[u64], other: &[u64], tolerance: u64) -> Option<usize> {
    let common = one
        .iter()
        .zip(other)
        .take_while(|(a, b)| a.abs_diff(**b) <= tolerance)
        .count();
    (common < one.len().max(other.len())).then_some(common)
}

/// Sides are rounded to even numbers, so a rung may be up to two samples off the exact ratio.
fn same_aspect_ratio(rungs: &[&RenditionFacts]) -> Option<String> {
    neighbours(rungs, |small, large| {
        let [width, height, full_width, full_height] =
            [small.width, small.height, large.width, large.height].map(u64::from);
        let off = (width * full_height).abs_diff(height * full_width);
        (off > 2 * full_width.max(full_height)).then(|| "aspect ratios differ".to_owned())
    })
}

fn all_or_none_with_sound(rungs: &[&RenditionFacts]) -> Option<String> {
    let with_sound = |rendition: &RenditionFacts| rendition.codecs.contains("mp4a");
    neighbours(rungs, |one, other| {
        (with_sound(one) != with_sound(other)).then(|| "one has sound, the other has none".to_owned())
    })
}

/// Whatever decodes HEVC decodes H.264 too, so that the levels of HEVC matter only where there is nothing else.
fn one_rung_for_every_device(rungs: &[&RenditionFacts]) -> Option<String> {
    let lowest = |hevc: bool| {
        let of_codec = rungs.iter().filter(|rung| rung.picture.is_hevc() == hevc);
        of_codec.map(|rendition| rendition.level_idc).min()
    };
    let above = |level: u8, limit: u8, says: &str| {
        (level > limit).then(|| format!("no {says} or below, the lowest level_idc is {level}"))
    };
    match (lowest(false), lowest(true)) {
        (Some(level), _) => above(level, 41, "H.264 rung at level 4.1"),
        (None, Some(level)) => above(level, 120, "HEVC rung at level 4.0"),
        (None, None) => None,
    }
}

/// Codecs need different rates for the same picture, so only rungs of one codec are compared.
fn bandwidth_rises_with_size(rungs: &[&RenditionFacts]) -> Option<String> {
    let rises = |hevc: bool| {
        let of_codec: Vec<_> = rungs
            .iter()
            .copied()
            .filter(|rung| rung.picture.is_hevc() == hevc)
            .collect();
        rate_rises(&of_codec)
    };
    rises(false).or_else(|| rises(true))
}

fn rate_rises(rungs: &[&RenditionFacts]) -> Option<String> {
    neighbours(rungs, |smaller, larger| {
        let (small, large) = (smaller.peak_bandwidth, larger.peak_bandwidth);
        (large <= small).then(|| format!("the larger needs {large} bit/s, the smaller {small} bit/s"))
    })
}
