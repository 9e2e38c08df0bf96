//! All playlists of a presentation against each other.

use super::{LoadedPlaylist, Role, finding, has_pictures, media, video};
use crate::hls::clock::{rounded, unwrap_near};
use crate::hls::parse::ParsedMaster;
use crate::hls::rendition::RenditionFacts;
use crate::hls::validate::{Finding, validate_set};

pub(super) fn validate(master: Option<&ParsedMaster>, playlists: &[LoadedPlaylist]) -> Vec<Finding> {
    let Some(master) = master else {
        return Vec::new();
    };
    let renditions: Vec<_> = playlists
        .iter()
        .filter(|playlist| playlist.role == Role::Variant && has_pictures(playlist))
        .filter_map(video::measured)
        .collect();
    // Those two compare what was measured; lists are compared by what they say.
    let mut findings: Vec<_> = validate_set(&renditions)
        .into_iter()
        .filter(|finding| finding.rule != "APL 8.2")
        .collect();
    findings.extend(same_target(playlists));
    findings.extend(same_kind(playlists));
    findings.extend(same_range(playlists));
    findings.extend(same_discontinuities(playlists));
    findings.extend(sound_starts_with_pictures(playlists, &renditions));
    findings.extend(independent(master, playlists));
    findings
}

fn main_lists(playlists: &[LoadedPlaylist]) -> impl Iterator<Item = &LoadedPlaylist> {
    playlists.iter().filter(|playlist| match playlist.role {
        Role::Variant | Role::Audio => true,
        Role::Subtitles | Role::IFrames => false,
    })
}

fn same_target(playlists: &[LoadedPlaylist]) -> Option<Finding> {
    let first = main_lists(playlists).next()?;
    let other =
        main_lists(playlists).find(|other| other.media.target_duration != first.media.target_duration)?;
    let target = |list: &LoadedPlaylist| list.media.target_duration.unwrap_or(0);
    let message = format!(
        "target durations of {} s in {} and {} s in {}",
        target(first),
        first.uri,
        target(other),
        other.uri
    );
    Some(finding("APL 8.2", message))
}

fn same_kind(playlists: &[LoadedPlaylist]) -> Option<Finding> {
    let first = playlists.first()?;
    let is = |list: &LoadedPlaylist| (list.media.kind, list.media.ended);
    let other = playlists.iter().find(|other| is(other) != is(first))?;
    let message = format!(
        "{} is of another EXT-X-PLAYLIST-TYPE than {}",
        other.uri, first.uri
    );
    Some(finding("APL 8.7", message))
}

fn declared_micros(playlist: &LoadedPlaylist) -> u64 {
    playlist
        .media
        .segments
        .iter()
        .map(|segment| segment.duration_micros)
        .sum()
}

/// Lists of sound and subtitles last as long as the first list of pictures, to within a segment's rounding.
fn same_range(playlists: &[LoadedPlaylist]) -> Vec<Finding> {
    const TOLERANCE_MICROS: u64 = 500_000;
    let Some(first) = main_lists(playlists).next() else {
        return Vec::new();
    };
    let whole = declared_micros(first);
    let off = |list: &&LoadedPlaylist| declared_micros(list).abs_diff(whole) > TOLERANCE_MICROS;
    let finding_of = |list: &LoadedPlaylist| {
        let rule = match list.role {
            Role::Subtitles => "APL 5.5",
            Role::Variant | Role::Audio | Role::IFrames => "APL 8.7 range",
        };
        let message = format!(
            "{} lasts {} ms, {} lasts {} ms",
            list.uri,
            declared_micros(list) / 1000,
            first.uri,
            whole / 1000
        );
        finding(rule, message)
    };
    let pictures_are_measured = |list: &&LoadedPlaylist| list.role != Role::Variant;
    playlists
        .iter()
        .filter(pictures_are_measured)
        .filter(off)
        .map(finding_of)
        .collect()
}

fn same_discontinuities(playlists: &[LoadedPlaylist]) -> Option<Finding> {
    const TOLERANCE_MICROS: u64 = 100_000;
    let places = |list: &LoadedPlaylist| {
        let mut end = 0;
        let mut places = Vec::new();
        for segment in &list.media.segments {
            if segment.discontinuity && end > 0 {
                places.push(end);
            }
            end += segment.duration_micros;
        }
        places
    };
    let first = main_lists(playlists).next()?;
    let wanted = places(first);
    let other = main_lists(playlists).find(|other| {
        let is = places(other);
        is.len() != wanted.len()
            || is
                .iter()
                .zip(&wanted)
                .any(|(a, b)| a.abs_diff(*b) > TOLERANCE_MICROS)
    })?;
    let message = format!(
        "{} has its discontinuities elsewhere than {}",
        other.uri, first.uri
    );
    Some(finding("APL 8.15 discontinuities", message))
}

/// Sound of its own has the time stamps of the pictures (RFC 6.2.4), to within a segment's lead.
fn sound_starts_with_pictures(
    playlists: &[LoadedPlaylist],
    renditions: &[RenditionFacts],
) -> Option<Finding> {
    const TOLERANCE_TICKS: u64 = 45_000;
    let pictures = renditions.first()?;
    playlists
        .iter()
        .filter(|list| list.role == Role::Audio)
        .find_map(|list| {
            let (_, facts) = media(list).next()?;
            let start = facts.audio.as_ref()?.first_pts;
            let apart = unwrap_near(pictures.start_pts, start).abs_diff(pictures.start_pts);
            (apart > TOLERANCE_TICKS).then(|| {
                let ms = rounded(u128::from(apart), 90);
                finding(
                    "RFC 6.2.4 sound",
                    format!("{} starts {ms} ms from the pictures", list.uri),
                )
            })
        })
}

/// Either the master says it for all, or each list of pictures for itself.
fn independent(master: &ParsedMaster, playlists: &[LoadedPlaylist]) -> Option<Finding> {
    let silent = |list: &&LoadedPlaylist| {
        list.role == Role::Variant && has_pictures(list) && !list.media.independent_segments
    };
    let list = playlists
        .iter()
        .find(silent)
        .filter(|_| !master.independent_segments)?;
    Some(finding(
        "APL 9.12",
        format!(
            "neither the master nor {} has EXT-X-INDEPENDENT-SEGMENTS",
            list.uri
        ),
    ))
}
