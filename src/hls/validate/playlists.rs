//! Media playlists as they were written, ours or others', and what a master declares of them against what was measured.

use std::collections::BTreeSet;

use super::{Finding, Rule, judge, must, should};
use crate::hls::parse::{ParsedMedia, ParsedSegment, ParsedVariant, parse_byte_range};
use crate::hls::playlist::PlaylistKind;
use crate::hls::rendition::RenditionFacts;

type MediaCheck = fn(&ParsedMedia) -> Option<String>;
type DeclaredCheck = fn(&ParsedVariant, &RenditionFacts) -> Option<String>;

const MEDIA_RULES: &[Rule<MediaCheck>] = &[
    must("BIS 4.4.3.1", target_duration_covers_segments),
    must("APL 8.6", complete_or_growing),
    must("BIS 7", version_covers_tags),
    must("BIS 4.4.4.2", byte_ranges_can_be_read),
    must("APL 6.8", i_frames_are_ranges),
    should("RFC 4.3.2.4", is_not_encrypted),
];

const DECLARED_RULES: &[Rule<DeclaredCheck>] = &[
    must("APL 1.26", declared_average_is_measured),
    must("APL 1.27", declared_peak_is_measured),
    must("RFC 4.3.4.2 peak", declared_peak_is_not_exceeded),
    must("APL 9.1 bytes", declared_codecs_are_measured),
    must("APL 9.2 bytes", declared_resolution_is_measured),
    should("APL 9.15 bytes", declared_frame_rate_is_measured),
    must("APL 9.16", declared_range_is_measured),
];

/// Every rule that a media playlist breaks on its own.
pub fn validate_media(playlist: &ParsedMedia) -> Vec<Finding> {
    judge(MEDIA_RULES, |check| check(playlist))
}

/// Every rule that the declaration of a variant breaks, given its measured segments.
pub fn validate_declared(variant: &ParsedVariant, measured: &RenditionFacts) -> Vec<Finding> {
    judge(DECLARED_RULES, |check| check(variant, measured))
}

fn target_duration_covers_segments(playlist: &ParsedMedia) -> Option<String> {
    let Some(target) = playlist.target_duration.filter(|target| *target > 0) else {
        return Some("no target duration of at least 1 s".to_owned());
    };
    let too_long = |micros: u64| micros.saturating_add(500_000) / 1_000_000 > u64::from(target);
    let number = playlist
        .segments
        .iter()
        .position(|segment| too_long(segment.duration_micros))?;
    Some(format!(
        "segment {number} is longer than the target duration of {target} s"
    ))
}

fn complete_or_growing(playlist: &ParsedMedia) -> Option<String> {
    match (playlist.kind, playlist.ended) {
        (Some(PlaylistKind::Vod), false) => Some("VOD without EXT-X-ENDLIST".to_owned()),
        (None, true) => Some("complete, but without EXT-X-PLAYLIST-TYPE:VOD".to_owned()),
        // A live playlist has neither.
        (Some(PlaylistKind::Vod), true) | (Some(PlaylistKind::Event), _) | (None, false) => None,
    }
}

fn byte_ranges_can_be_read(playlist: &ParsedMedia) -> Option<String> {
    let mut known = None;
    let number = playlist.segments.iter().position(|segment| {
        let Some(text) = &segment.byte_range else {
            known = None;
            return false;
        };
        let follows = known.replace(&segment.uri) == Some(&segment.uri);
        match parse_byte_range(text) {
            Some((_, offset)) => offset.is_none() && !follows,
            None => true,
        }
    })?;
    Some(format!("segment {number} has a byte range without a start"))
}

fn i_frames_are_ranges(playlist: &ParsedMedia) -> Option<String> {
    let whole = |segment: &ParsedSegment| playlist.i_frames_only && segment.byte_range.is_none();
    let number = playlist.segments.iter().position(whole)?;
    Some(format!(
        "key frame {number} is a whole resource instead of a byte range"
    ))
}

fn is_not_encrypted(playlist: &ParsedMedia) -> Option<String> {
    let key = playlist.key.as_deref()?;
    Some(format!("EXT-X-KEY:{key}: what is encrypted is not checked"))
}

fn version_covers_tags(playlist: &ParsedMedia) -> Option<String> {
    let fractional = |micros: u64| !micros.is_multiple_of(1_000_000);
    let needs = [
        (
            3,
            "fractional EXTINF",
            playlist
                .segments
                .iter()
                .any(|segment| fractional(segment.duration_micros)),
        ),
        (
            4,
            "EXT-X-BYTERANGE",
            playlist
                .segments
                .iter()
                .any(|segment| segment.byte_range.is_some()),
        ),
        (4, "EXT-X-I-FRAMES-ONLY", playlist.i_frames_only),
        (5, "EXT-X-MAP", playlist.map.is_some()),
        (
            6,
            "EXT-X-MAP with all frames",
            playlist.map.is_some() && !playlist.i_frames_only,
        ),
    ];
    let version = playlist.version;
    let (needed, tag, _) = needs
        .into_iter()
        .rfind(|(needed, _, used)| *used && version < *needed)?;
    Some(format!("version {version}, but {tag} needs {needed}"))
}

/// More than a tenth apart.
fn far_apart(declared: u64, measured: u64) -> bool {
    u128::from(declared.abs_diff(measured)) * 10 > u128::from(measured)
}

fn declared_average_is_measured(variant: &ParsedVariant, measured: &RenditionFacts) -> Option<String> {
    let (declared, is) = (variant.average_bandwidth?, measured.average_bandwidth);
    far_apart(declared, is).then(|| format!("AVERAGE-BANDWIDTH={declared}, measured {is}"))
}

fn declared_peak_is_measured(variant: &ParsedVariant, measured: &RenditionFacts) -> Option<String> {
    let (declared, is) = (variant.bandwidth?, measured.peak_bandwidth);
    far_apart(declared, is).then(|| format!("BANDWIDTH={declared}, measured {is}"))
}

fn declared_peak_is_not_exceeded(variant: &ParsedVariant, measured: &RenditionFacts) -> Option<String> {
    let (declared, is) = (variant.bandwidth?, measured.peak_bandwidth);
    (declared < is).then(|| format!("BANDWIDTH={declared} is under the measured peak of {is}"))
}

/// In any order, and each once.
fn declared_codecs_are_measured(variant: &ParsedVariant, measured: &RenditionFacts) -> Option<String> {
    let sorted = |codecs: &str| {
        let lower = codecs.to_ascii_lowercase();
        let names: BTreeSet<_> = lower.split(',').map(|name| name.trim().to_owned()).collect();
        names
    };
    let declared = variant.codecs.as_deref()?;
    (sorted(declared) != sorted(&measured.codecs))
        .then(|| format!("CODECS=\"{declared}\", but the bytes say \"{}\"", measured.codecs))
}

fn declared_resolution_is_measured(variant: &ParsedVariant, measured: &RenditionFacts) -> Option<String> {
    let (width, height) = variant.resolution?;
    ((width, height) != (measured.width, measured.height)).then(|| {
        format!(
            "RESOLUTION={width}x{height}, but the bytes say {}x{}",
            measured.width, measured.height
        )
    })
}

/// More than a thousandth apart: 29.97 is not 30, but rounding may differ.
fn declared_frame_rate_is_measured(variant: &ParsedVariant, measured: &RenditionFacts) -> Option<String> {
    let (declared, is) = (
        variant.frame_rate_millis?,
        measured.frame_rate.per_thousand_seconds(),
    );
    (declared.abs_diff(is) * 2_000 > is).then(|| {
        format!(
            "FRAME-RATE={}.{:03}, but the time stamps say {:.3}",
            declared / 1000,
            declared % 1000,
            measured.frame_rate.as_f64()
        )
    })
}

fn declared_range_is_measured(variant: &ParsedVariant, measured: &RenditionFacts) -> Option<String> {
    let declared = variant.video_range.as_deref().unwrap_or("SDR");
    let is = measured.picture.range().name();
    (declared != is).then(|| format!("VIDEO-RANGE={declared}, but the transfer characteristics say {is}"))
}
