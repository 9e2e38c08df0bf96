//! Playlists as they were written, ours or others': on their own, and against what was measured.

use super::{Finding, Rule, judge, must, should};
use crate::hls::parse::{ParsedMaster, ParsedMedia, ParsedVariant};
use crate::hls::playlist::PlaylistKind;
use crate::hls::rendition::RenditionFacts;

type MediaCheck = fn(&ParsedMedia) -> Option<String>;
type MasterCheck = fn(&ParsedMaster) -> Option<String>;
type DeclaredCheck = fn(&ParsedVariant, &RenditionFacts) -> Option<String>;

const MEDIA_RULES: &[Rule<MediaCheck>] = &[
    must("BIS 4.4.3.1", target_duration_covers_segments),
    must("APL 8.6", complete_or_growing),
    must("BIS 7", version_covers_tags),
];

const MASTER_RULES: &[Rule<MasterCheck>] = &[
    must("RFC 4.3.4.2", every_variant_has_a_bandwidth),
    must("APL 9.14", every_variant_has_an_average),
    must("APL 9.1", every_variant_has_codecs),
    must("APL 9.2", every_variant_has_a_resolution),
    must("APL 9.15", every_variant_has_a_frame_rate),
    must("RFC 4.3.4.2 order", averages_are_below_peaks),
    should("APL 9.11", segments_are_independent),
    must("APL 9.9", at_least_two_variants),
    must("RFC 4.3.4.2 captions", captions_none_on_all_or_none),
    must("APL 1.12", some_variant_is_h264),
    should("APL 1.10", sample_entries_are_out_of_band),
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

/// Every rule that a master playlist breaks on its own.
pub fn validate_master(playlist: &ParsedMaster) -> Vec<Finding> {
    judge(MASTER_RULES, |check| check(playlist))
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

/// Says which variants lack something.
fn lacking(playlist: &ParsedMaster, name: &str, lacks: impl Fn(&ParsedVariant) -> bool) -> Option<String> {
    let uris: Vec<_> = playlist
        .variants
        .iter()
        .filter(|variant| lacks(variant))
        .map(|variant| variant.uri.as_str())
        .collect();
    (!uris.is_empty()).then(|| format!("no {name}: {}", uris.join(", ")))
}

fn every_variant_has_a_bandwidth(playlist: &ParsedMaster) -> Option<String> {
    lacking(playlist, "BANDWIDTH above 0", |variant| {
        variant.bandwidth.unwrap_or(0) == 0
    })
}

fn every_variant_has_an_average(playlist: &ParsedMaster) -> Option<String> {
    lacking(playlist, "AVERAGE-BANDWIDTH above 0", |variant| {
        variant.average_bandwidth.unwrap_or(0) == 0
    })
}

fn every_variant_has_codecs(playlist: &ParsedMaster) -> Option<String> {
    lacking(playlist, "CODECS", |variant| variant.codecs.is_none())
}

fn every_variant_has_a_resolution(playlist: &ParsedMaster) -> Option<String> {
    lacking(playlist, "RESOLUTION", |variant| variant.resolution.is_none())
}

fn every_variant_has_a_frame_rate(playlist: &ParsedMaster) -> Option<String> {
    lacking(playlist, "FRAME-RATE", |variant| {
        variant.frame_rate_millis.is_none()
    })
}

fn averages_are_below_peaks(playlist: &ParsedMaster) -> Option<String> {
    let variant = playlist
        .variants
        .iter()
        .find(|variant| variant.average_bandwidth > variant.bandwidth)?;
    Some(format!("AVERAGE-BANDWIDTH above BANDWIDTH: {}", variant.uri))
}

fn segments_are_independent(playlist: &ParsedMaster) -> Option<String> {
    (!playlist.independent_segments).then(|| "no EXT-X-INDEPENDENT-SEGMENTS".to_owned())
}

fn at_least_two_variants(playlist: &ParsedMaster) -> Option<String> {
    let count = playlist.variants.len();
    (count < 2).then(|| format!("{count} variant"))
}

fn captions_none_on_all_or_none(playlist: &ParsedMaster) -> Option<String> {
    let none = |variant: &ParsedVariant| variant.closed_captions.as_deref() == Some("NONE");
    let count = playlist.variants.iter().filter(|variant| none(variant)).count();
    (count > 0 && count < playlist.variants.len()).then(|| {
        format!(
            "CLOSED-CAPTIONS=NONE on {count} of {} variants",
            playlist.variants.len()
        )
    })
}

/// Without CODECS nothing is known, and another rule already says so.
fn some_variant_is_h264(playlist: &ParsedMaster) -> Option<String> {
    let may_be = |codecs: &str| codecs.contains("avc1.") || codecs.contains("avc3.");
    let any = playlist
        .variants
        .iter()
        .any(|variant| variant.codecs.as_deref().is_none_or(may_be));
    (!any).then(|| "no H.264 variant".to_owned())
}

fn sample_entries_are_out_of_band(playlist: &ParsedMaster) -> Option<String> {
    let in_band = |codecs: &str| codecs.contains("avc3.") || codecs.contains("hev1.");
    let variant = playlist
        .variants
        .iter()
        .find(|variant| variant.codecs.as_deref().is_some_and(in_band))?;
    Some(format!("avc3 or hev1 instead of avc1 or hvc1: {}", variant.uri))
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

fn declared_codecs_are_measured(variant: &ParsedVariant, measured: &RenditionFacts) -> Option<String> {
    let declared = variant.codecs.as_deref()?;
    (!declared.eq_ignore_ascii_case(&measured.codecs))
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
