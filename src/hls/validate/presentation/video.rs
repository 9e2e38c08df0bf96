//! A list of pictures against its segments, and against what the master declares of it.

use super::{LoadedPlaylist, advice, finding, media, sound};
use crate::hls::clock::{micros, rounded};
use crate::hls::parse::{ParsedMaster, ParsedMedia};
use crate::hls::rendition::{RenditionFacts, measure};
use crate::hls::segment::SegmentFacts;
use crate::hls::validate::{Expected, Finding, validate_declared, validate_rendition};
use clipper_domain::FrameRate;

/// Highest `level_idc` in HLS (APL 1.3, 1.6).
const H264_MAX_LEVEL: u8 = 52;
const HEVC_MAX_LEVEL: u8 = 153;

pub(super) fn validate(
    master: Option<&ParsedMaster>,
    playlist: &LoadedPlaylist,
    playlists: &[LoadedPlaylist],
) -> Vec<Finding> {
    let segments = continuous(playlist);
    let Some((facts, rate)) = measured_from(&segments) else {
        return vec![finding(
            "RFC 6.2.1 order",
            "the segments do not follow each other in time".to_owned(),
        )];
    };
    let mut findings = Vec::new();
    // Whatever is missing has been reported; what is there cannot be measured as a whole.
    if segments.len() != playlist.media.segments.len() {
        return findings;
    }
    let hevc = facts.picture.is_hevc();
    let expected = Expected {
        width: facts.width,
        height: facts.height,
        frame_rate: rate,
        max_level: if hevc { HEVC_MAX_LEVEL } else { H264_MAX_LEVEL },
        duration_90k: declared_ticks(&playlist.media),
    };
    // The playlist's own target was checked against its own durations.
    findings.extend(
        validate_rendition(&facts, &segments, &expected)
            .into_iter()
            .filter(|finding| finding.rule != "BIS 4.4.3.1"),
    );
    findings.extend(durations_are_true(&playlist.media, &facts));
    findings.extend(sound::starts_with_the_pictures(&segments));
    findings.extend(unusual_target(&playlist.media));
    let Some(master) = master else { return findings };
    for variant in master
        .variants
        .iter()
        .filter(|variant| variant.uri == playlist.uri)
    {
        let sounds = sound::group(master, variant, playlists);
        let combined = sound::with_heaviest_group(&facts, &sounds);
        findings.extend(validate_declared(variant, &combined));
    }
    findings
}

/// What is measured of a list of pictures, if it can be: one with holes cannot be compared with others.
pub(super) fn measured(playlist: &LoadedPlaylist) -> Option<RenditionFacts> {
    let segments = continuous(playlist);
    if segments.len() != playlist.media.segments.len() {
        return None;
    }
    measured_from(&segments).map(|(facts, _)| facts)
}

fn measured_from(segments: &[SegmentFacts]) -> Option<(RenditionFacts, FrameRate)> {
    let rate = frame_rate(segments)?;
    Some((measure(segments, rate).ok()?, rate))
}

/// The segments on one count: after a discontinuity time stamps start anew, and the count goes on where the list says.
fn continuous(playlist: &LoadedPlaylist) -> Vec<SegmentFacts> {
    let mut segments: Vec<SegmentFacts> = Vec::new();
    let mut shift = 0_i64;
    let mut start_micros = 0_u64;
    let mut declared = playlist.media.segments.iter().scan(0_u64, |end, segment| {
        let start = *end;
        *end += segment.duration_micros;
        Some((segment.discontinuity, start))
    });
    let mut next = 0;
    for (number, facts) in media(playlist) {
        let Some(video) = &facts.video else { continue };
        let place = declared.nth(number - next);
        next = number + 1;
        if let (Some((true, at)), Some(first)) = (place, segments.first()) {
            let wanted = first
                .first_pts
                .saturating_add_unsigned(ticks(at.saturating_sub(start_micros)));
            shift = wanted.saturating_sub(video.first_pts);
        } else if segments.is_empty() {
            start_micros = place.map_or(0, |(_, at)| at);
        }
        segments.push(shifted(video, shift));
    }
    segments
}

fn shifted(video: &SegmentFacts, shift: i64) -> SegmentFacts {
    let mut moved = video.clone();
    for time in [&mut moved.first_pts, &mut moved.last_pts, &mut moved.first_dts] {
        *time = time.saturating_add(shift);
    }
    for key in &mut moved.key_frames {
        key.pts = key.pts.saturating_add(shift);
    }
    if let Some(audio) = &mut moved.audio {
        audio.first_pts = audio.first_pts.saturating_add(shift);
    }
    moved
}

fn ticks(micros: u64) -> u64 {
    rounded(u128::from(micros) * 9, 100)
}

fn declared_ticks(media: &ParsedMedia) -> u64 {
    ticks(media.segments.iter().map(|segment| segment.duration_micros).sum())
}

/// Frames between the first and the last picture of the longest segment, as the usual rate that lies nearest.
fn frame_rate(segments: &[SegmentFacts]) -> Option<FrameRate> {
    let longest = segments.iter().max_by_key(|segment| segment.frames)?;
    let between = u32::try_from(longest.last_pts.checked_sub(longest.first_pts)?).ok()?;
    let intervals = longest.frames.saturating_sub(1);
    if between == 0 || intervals == 0 {
        return FrameRate::new(25, 1);
    }
    let exact = FrameRate::new(intervals.checked_mul(90_000)?, between)?;
    let usual = [24_000, 30_000, 60_000, 48_000, 120_000]
        .map(|num| FrameRate::new(num, 1001))
        .into_iter()
        .chain([24, 25, 30, 48, 50, 60, 15, 12, 10].map(|num| FrameRate::new(num, 1)));
    let near = |rate: &FrameRate| (rate.as_f64() - exact.as_f64()).abs() < exact.as_f64() * 0.0004;
    Some(usual.flatten().find(near).unwrap_or(exact))
}

/// The sum of EXTINF of every run of segments within a frame of the truth.
fn durations_are_true(media: &ParsedMedia, facts: &RenditionFacts) -> Vec<Finding> {
    let frame = micros(facts.frame_rate.ticks_90k(1));
    let (mut declared, mut is) = (0_u64, 0_u64);
    // The extremes of the difference at the ends of segments bound that of every run between two of them.
    let (mut lowest, mut highest) = (0_i128, 0_i128);
    for (number, (segment, entry)) in media.segments.iter().zip(&facts.segments).enumerate() {
        declared += segment.duration_micros;
        is += u64::from(entry.duration_90k);
        let apart = i128::from(declared) - i128::from(micros(is));
        (lowest, highest) = (lowest.min(apart), highest.max(apart));
        if highest - lowest > i128::from(frame) {
            let message = format!(
                "EXTINF up to segment {number} is off by {} ms against the time stamps",
                (highest - lowest) / 1000
            );
            return vec![finding("APL 8.1 EXTINF", message)];
        }
    }
    Vec::new()
}

/// Target durations other than those that were chosen for us are a matter of taste.
fn unusual_target(media: &ParsedMedia) -> Option<Finding> {
    let target = media.target_duration?;
    (target > 6).then(|| advice("APL 7.5", format!("target duration of {target} s, 6 s are usual")))
}
