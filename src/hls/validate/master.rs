//! Multivariant playlists as they were written, ours or others'.

use super::{Finding, Rule, judge, must, should};
use crate::hls::parse::{ParsedMaster, ParsedRendition, ParsedVariant};

type MasterCheck = fn(&ParsedMaster) -> Option<String>;

const MASTER_RULES: &[Rule<MasterCheck>] = &[
    must("RFC 4.3.4.2", every_variant_has_a_bandwidth),
    must("APL 9.14", every_variant_has_an_average),
    must("APL 9.1", every_variant_has_codecs),
    must("APL 9.2", every_variant_has_a_resolution),
    must("APL 9.15", every_variant_has_a_frame_rate),
    must("RFC 4.3.4.2 order", averages_are_below_peaks),
    should("APL 9.11", segments_are_independent),
    must("APL 9.9", at_least_two_variants),
    should("APL 9.9 small", at_least_two_variants_of_a_small_source),
    should("APL 9.10", two_variants_at_the_top),
    should("APL 9.21", one_variant_for_cellular),
    should("APL 1.34", some_uhd_variant_is_light),
    must("RFC 4.3.4.2 captions", captions_none_on_all_or_none),
    must("APL 9.19", scores_on_all_or_none),
    must("APL 1.12", some_variant_is_h264),
    must("APL 1.24", some_variant_is_sdr),
    must("APL 1.19", at_most_sixty_frames),
    should("APL 1.10", sample_entries_are_out_of_band),
    should("BIS 4.4.6.2 wvtt", no_codec_of_subtitles),
    must("RFC 4.3.4.2 groups", groups_are_there),
    must("APL 8.10", every_rendition_has_a_language),
    should("BIS 4.4.6.1", every_sound_has_channels),
    must("APL 6.1", i_frames_are_there),
    must("RFC 4.3.4.3", every_i_frame_variant_has_a_bandwidth),
    must("APL 9.3", every_i_frame_variant_has_codecs),
    must("APL 9.4", every_i_frame_variant_has_a_resolution),
];

/// Every rule that a master playlist breaks on its own.
pub fn validate_master(playlist: &ParsedMaster) -> Vec<Finding> {
    judge(MASTER_RULES, |check| check(playlist))
}

/// Says which variants lack something.
fn lacking(variants: &[ParsedVariant], name: &str, lacks: impl Fn(&ParsedVariant) -> bool) -> Option<String> {
    let uris: Vec<_> = variants
        .iter()
        .filter(|variant| lacks(variant))
        .map(|variant| variant.uri.as_str())
        .collect();
    (!uris.is_empty()).then(|| format!("no {name}: {}", uris.join(", ")))
}

fn every_variant_has_a_bandwidth(playlist: &ParsedMaster) -> Option<String> {
    lacking(&playlist.variants, "BANDWIDTH above 0", |variant| {
        variant.bandwidth.unwrap_or(0) == 0
    })
}

fn every_variant_has_an_average(playlist: &ParsedMaster) -> Option<String> {
    lacking(&playlist.variants, "AVERAGE-BANDWIDTH above 0", |variant| {
        variant.average_bandwidth.unwrap_or(0) == 0
    })
}

fn every_variant_has_codecs(playlist: &ParsedMaster) -> Option<String> {
    lacking(&playlist.variants, "CODECS", |variant| variant.codecs.is_none())
}

/// Where CODECS names nothing but sound there is nothing to see.
fn shows_pictures(variant: &ParsedVariant) -> bool {
    let sound = |name: &str| name.trim().starts_with("mp4a.");
    variant
        .codecs
        .as_deref()
        .is_none_or(|codecs| !codecs.split(',').all(sound))
}

fn every_variant_has_a_resolution(playlist: &ParsedMaster) -> Option<String> {
    lacking(&playlist.variants, "RESOLUTION", |variant| {
        shows_pictures(variant) && variant.resolution.is_none()
    })
}

fn every_variant_has_a_frame_rate(playlist: &ParsedMaster) -> Option<String> {
    lacking(&playlist.variants, "FRAME-RATE", |variant| {
        shows_pictures(variant) && variant.frame_rate_millis.is_none()
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

/// The short side of the largest variant.
fn short_side(playlist: &ParsedMaster) -> Option<u32> {
    let sizes = playlist.variants.iter().filter_map(|variant| variant.resolution);
    sizes.map(|(width, height)| width.min(height)).max()
}

fn is_small(playlist: &ParsedMaster) -> bool {
    const LOWEST_RUNG: u32 = 480;
    short_side(playlist).is_some_and(|side| side <= LOWEST_RUNG)
}

fn one_variant(playlist: &ParsedMaster) -> Option<String> {
    let count = playlist.variants.len();
    (count < 2).then(|| format!("{count} variant"))
}

fn at_least_two_variants(playlist: &ParsedMaster) -> Option<String> {
    one_variant(playlist).filter(|_| !is_small(playlist))
}

/// A source that fills only the lowest rung has no second one to offer.
fn at_least_two_variants_of_a_small_source(playlist: &ParsedMaster) -> Option<String> {
    one_variant(playlist).filter(|_| is_small(playlist))
}

fn two_variants_at_the_top(playlist: &ParsedMaster) -> Option<String> {
    const HD: u32 = 720;
    let side = short_side(playlist).filter(|side| *side >= HD)?;
    let at_top = |variant: &&ParsedVariant| {
        variant
            .resolution
            .is_some_and(|(width, height)| width.min(height) == side)
    };
    let count = playlist.variants.iter().filter(at_top).count();
    (count < 2).then(|| format!("only one variant of {side} lines"))
}

fn one_variant_for_cellular(playlist: &ParsedMaster) -> Option<String> {
    const CELLULAR: u64 = 192_000;
    let lowest = playlist
        .variants
        .iter()
        .filter_map(|variant| variant.bandwidth)
        .min()?;
    (lowest > CELLULAR)
        .then(|| format!("the lowest BANDWIDTH is {lowest}; cellular networks want {CELLULAR}"))
}

fn some_uhd_variant_is_light(playlist: &ParsedMaster) -> Option<String> {
    const UHD: u32 = 2160;
    const LIGHT: u64 = 15_000_000;
    let uhd = |variant: &&ParsedVariant| {
        variant
            .resolution
            .is_some_and(|(width, height)| width.min(height) >= UHD)
    };
    let lowest = playlist
        .variants
        .iter()
        .filter(uhd)
        .filter_map(|variant| variant.average_bandwidth)
        .min()?;
    (lowest > LIGHT).then(|| format!("every UHD variant needs {lowest} bit/s or more, none {LIGHT} or less"))
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

fn scores_on_all_or_none(playlist: &ParsedMaster) -> Option<String> {
    let (count, all) = (
        playlist
            .variants
            .iter()
            .filter(|variant| variant.score.is_some())
            .count(),
        playlist.variants.len(),
    );
    (count > 0 && count < all).then(|| format!("SCORE on {count} of {all} variants"))
}

fn some_variant_is_sdr(playlist: &ParsedMaster) -> Option<String> {
    let sdr = |variant: &ParsedVariant| variant.video_range.as_deref().is_none_or(|range| range == "SDR");
    (!playlist.variants.iter().any(sdr)).then(|| "no SDR variant".to_owned())
}

fn at_most_sixty_frames(playlist: &ParsedMaster) -> Option<String> {
    let fast = |variant: &&ParsedVariant| variant.frame_rate_millis.is_some_and(|millis| millis > 60_000);
    let variant = playlist.variants.iter().find(fast)?;
    Some(format!("more than 60 frames per second: {}", variant.uri))
}

/// Shaka Packager's `wvtt` keeps some players from playing at all.
fn no_codec_of_subtitles(playlist: &ParsedMaster) -> Option<String> {
    let wvtt = |variant: &&ParsedVariant| {
        variant
            .codecs
            .as_deref()
            .is_some_and(|codecs| codecs.contains("wvtt"))
    };
    let variant = playlist.variants.iter().find(wvtt)?;
    Some(format!("wvtt in CODECS: {}", variant.uri))
}

fn groups_are_there(playlist: &ParsedMaster) -> Option<String> {
    let missing = |kind: &str, group: Option<&String>| {
        let is_it = |rendition: &ParsedRendition| rendition.kind == kind && Some(&rendition.group) == group;
        group.is_some() && !playlist.renditions.iter().any(is_it)
    };
    let variant = playlist.variants.iter().find(|variant| {
        missing("AUDIO", variant.audio.as_ref()) || missing("SUBTITLES", variant.subtitles.as_ref())
    })?;
    Some(format!("refers to a group that is not there: {}", variant.uri))
}

fn every_rendition_has_a_language(playlist: &ParsedMaster) -> Option<String> {
    let unnamed = |rendition: &&ParsedRendition| rendition.kind != "VIDEO" && rendition.language.is_none();
    let rendition = playlist.renditions.iter().find(unnamed)?;
    Some(format!(
        "no LANGUAGE: {} of group {}",
        rendition.kind, rendition.group
    ))
}

fn every_sound_has_channels(playlist: &ParsedMaster) -> Option<String> {
    let unnamed = |rendition: &&ParsedRendition| rendition.kind == "AUDIO" && rendition.channels.is_none();
    let rendition = playlist.renditions.iter().find(unnamed)?;
    Some(format!("no CHANNELS: AUDIO of group {}", rendition.group))
}

fn i_frames_are_there(playlist: &ParsedMaster) -> Option<String> {
    let pictures = playlist.variants.iter().any(shows_pictures);
    (pictures && playlist.i_frame_variants.is_empty()).then(|| "no EXT-X-I-FRAME-STREAM-INF".to_owned())
}

fn every_i_frame_variant_has_a_bandwidth(playlist: &ParsedMaster) -> Option<String> {
    lacking(&playlist.i_frame_variants, "BANDWIDTH above 0", |variant| {
        variant.bandwidth.unwrap_or(0) == 0
    })
}

fn every_i_frame_variant_has_codecs(playlist: &ParsedMaster) -> Option<String> {
    lacking(&playlist.i_frame_variants, "CODECS", |variant| {
        variant.codecs.is_none()
    })
}

fn every_i_frame_variant_has_a_resolution(playlist: &ParsedMaster) -> Option<String> {
    lacking(&playlist.i_frame_variants, "RESOLUTION", |variant| {
        variant.resolution.is_none()
    })
}
