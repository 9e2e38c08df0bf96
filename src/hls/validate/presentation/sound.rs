//! A list of nothing but sound against its segments; and the sound beside pictures.

use super::{LoadedPlaylist, finding, media};
use crate::hls::aac::AudioFacts;
use crate::hls::clock::{micros, seconds, unwrap_near};
use crate::hls::parse::ParsedVariant;
use crate::hls::rendition::{RenditionFacts, SegmentEntry, bits_per_second, peak_bandwidth, total};
use crate::hls::segment::SegmentFacts;
use crate::hls::validate::Finding;

pub(super) fn validate(playlist: &LoadedPlaylist) -> Vec<Finding> {
    let sounds: Vec<_> = media(playlist)
        .filter_map(|(number, facts)| Some((number, facts.audio.as_ref()?)))
        .collect();
    let Some((_, first)) = sounds.first() else {
        return Vec::new();
    };
    let changed = sounds.iter().find(|(_, sound)| !sound.same_track(first));
    let changed = changed.map(|(number, _)| {
        finding(
            "APL 8.14 sound",
            format!("segment {number} changes the sound track"),
        )
    });
    changed
        .into_iter()
        .chain(is_continuous(playlist, &sounds))
        .chain(durations_are_true(playlist, &sounds))
        .collect()
}

fn is_continuous(playlist: &LoadedPlaylist, sounds: &[(usize, &AudioFacts)]) -> Option<Finding> {
    let pairs = sounds.iter().zip(sounds.iter().skip(1));
    let (_, (number, _)) = pairs
        .filter(|((before, _), (after, _))| before + 1 == *after)
        .find(|((_, sound), (number, next))| {
            let starts_anew = playlist
                .media
                .segments
                .get(*number)
                .is_some_and(|segment| segment.discontinuity);
            !starts_anew && sound.gap_after(sound.frames, next.first_pts) > sound.ticks(1)
        })?;
    Some(finding(
        "APL 7.3 sound",
        format!("sound of segment {number} does not continue where the segment before it ends"),
    ))
}

/// Each sum of EXTINF from the start within a frame of the frames that were counted.
fn durations_are_true(playlist: &LoadedPlaylist, sounds: &[(usize, &AudioFacts)]) -> Option<Finding> {
    let (mut declared, mut frames) = (0_u64, 0_u32);
    for ((number, sound), segment) in sounds.iter().zip(&playlist.media.segments) {
        declared += segment.duration_micros;
        frames = frames.saturating_add(sound.frames);
        if micros(sound.ticks(frames)).abs_diff(declared) > micros(sound.ticks(1)) {
            let message = format!(
                "EXTINF up to segment {number} says {:.3} s, its frames last {:.3} s",
                seconds(declared.saturating_mul(9) / 100),
                seconds(sound.ticks(frames))
            );
            return Some(finding("APL 8.1 EXTINF", message));
        }
    }
    None
}

/// Peak and average of a list of sound, over its declared durations.
pub(super) fn bandwidths(playlist: &LoadedPlaylist) -> (u64, u64) {
    let entry = |(number, facts): (usize, &crate::hls::MediaFacts)| {
        let micros = playlist.media.segments.get(number)?.duration_micros;
        Some(SegmentEntry {
            duration_90k: u32::try_from(micros.saturating_mul(9) / 100).ok()?,
            bytes: facts.bytes,
        })
    };
    let entries: Vec<_> = media(playlist).filter_map(entry).collect();
    let average = bits_per_second(total(&entries));
    let target = playlist.media.target_duration.unwrap_or(1);
    (
        peak_bandwidth(&entries, target).unwrap_or(0).max(average),
        average,
    )
}

/// Cuts of sound lie up to a frame of sound before or after those of the pictures, so any two of them differ by two
/// frames at most.
pub(super) fn starts_with_the_pictures(segments: &[SegmentFacts]) -> Option<Finding> {
    let lead = |segment: &SegmentFacts| {
        let sound = segment.audio.as_ref()?;
        Some(unwrap_near(segment.first_pts, sound.first_pts) - segment.first_pts)
    };
    let first = segments.iter().find_map(lead)?;
    let (number, apart) = segments.iter().enumerate().find_map(|(number, segment)| {
        let apart = lead(segment)?.abs_diff(first);
        (apart > segment.audio.as_ref()?.ticks(2)).then_some((number, apart))
    })?;
    Some(super::advice(
        "APL 8.22 sound",
        format!(
            "sound of segment {number} is cut {:.3} s from where the first one was",
            seconds(apart)
        ),
    ))
}

/// What a variant needs is its own bytes and those of the heaviest sound it may be played with.
pub(super) fn with_heaviest_group(facts: &RenditionFacts, sounds: &[&LoadedPlaylist]) -> RenditionFacts {
    let mut combined = facts.clone();
    let rates: Vec<_> = sounds.iter().map(|sound| bandwidths(sound)).collect();
    combined.peak_bandwidth += rates.iter().map(|(peak, _)| *peak).max().unwrap_or(0);
    combined.average_bandwidth += rates.iter().map(|(_, average)| *average).max().unwrap_or(0);
    for sound in sounds
        .iter()
        .flat_map(|sound| media(sound))
        .filter_map(|(_, facts)| facts.audio.as_ref())
    {
        let codec = sound.codec();
        if !combined.codecs.split(',').any(|known| known == codec) {
            combined.codecs = format!("{},{codec}", combined.codecs);
        }
    }
    combined
}

/// The lists of sound that a variant may be played with.
pub(super) fn group<'a>(
    master: &crate::hls::parse::ParsedMaster,
    variant: &ParsedVariant,
    playlists: &'a [LoadedPlaylist],
) -> Vec<&'a LoadedPlaylist> {
    let uris: Vec<_> = master
        .renditions
        .iter()
        .filter(|rendition| rendition.kind == "AUDIO" && Some(&rendition.group) == variant.audio.as_ref())
        .filter_map(|rendition| rendition.uri.as_deref())
        .collect();
    playlists
        .iter()
        .filter(|playlist| uris.contains(&playlist.uri.as_str()))
        .collect()
}
