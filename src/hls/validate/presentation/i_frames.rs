//! A list of key frames: each a byte range that can be decoded on its own (BIS 4.4.3.6).

use super::{LoadedPlaylist, finding, media};
use crate::hls::clock::{micros, ticks, unwrap_near};
use crate::hls::parse::{ParsedMaster, ParsedVariant};
use crate::hls::rendition::{SegmentEntry, peak_bandwidth};
use crate::hls::validate::Finding;

pub(super) fn validate(master: Option<&ParsedMaster>, playlist: &LoadedPlaylist) -> Vec<Finding> {
    let variants = master.into_iter().flat_map(|master| &master.i_frame_variants);
    let variant = variants.into_iter().find(|variant| variant.uri == playlist.uri);
    is_marked(playlist)
        .into_iter()
        .chain(ranges_are_key_frames(playlist))
        .chain(ranges_hold_nothing_else(playlist))
        .chain(durations_are_true(playlist))
        .chain(variant.and_then(|variant| peak_is_declared(variant, playlist)))
        .collect()
}

fn is_marked(playlist: &LoadedPlaylist) -> Option<Finding> {
    (!playlist.media.i_frames_only).then(|| finding("APL 6.8", "no EXT-X-I-FRAMES-ONLY".to_owned()))
}

/// A range that cannot be read, because its `moof` or its tables are not in it, has been reported as such.
fn ranges_are_key_frames(playlist: &LoadedPlaylist) -> Option<Finding> {
    let (number, _) = media(playlist).find(|(_, facts)| {
        let key = facts.video.as_ref().map(|video| video.starts_with_idr);
        key != Some(true)
    })?;
    Some(finding(
        "BIS 4.4.3.6",
        format!("range {number} does not start with an IDR picture"),
    ))
}

fn ranges_hold_nothing_else(playlist: &LoadedPlaylist) -> Option<Finding> {
    let more = |frames: u32| frames > 1;
    let (number, facts) =
        media(playlist).find(|(_, facts)| facts.video.as_ref().is_some_and(|video| more(video.frames)))?;
    let frames = facts.video.as_ref()?.frames;
    Some(super::advice(
        "APL 6.5",
        format!("range {number} holds {frames} pictures instead of one"),
    ))
}

/// EXTINF is the time to the next key frame.
fn durations_are_true(playlist: &LoadedPlaylist) -> Option<Finding> {
    const TOLERANCE_MICROS: u64 = 20_000;
    let shown: Vec<_> = media(playlist)
        .filter_map(|(number, facts)| Some((number, facts.video.as_ref()?.first_pts)))
        .collect();
    shown
        .iter()
        .zip(shown.iter().skip(1))
        .find_map(|((number, pts), (next, next_pts))| {
            let segment = playlist.media.segments.get(*number)?;
            let starts_anew = playlist.media.segments.get(*next)?.discontinuity;
            let apart = u64::try_from(unwrap_near(*pts, *next_pts).saturating_sub(*pts)).unwrap_or(0);
            let off = micros(apart).abs_diff(segment.duration_micros) > TOLERANCE_MICROS;
            (*next == number + 1 && !starts_anew && off).then(|| {
                let message = format!(
                    "EXTINF of range {number} is {} ms, the next key frame comes after {} ms",
                    segment.duration_micros / 1000,
                    micros(apart) / 1000
                );
                finding("BIS 4.4.3.6 EXTINF", message)
            })
        })
}

fn peak_is_declared(variant: &ParsedVariant, playlist: &LoadedPlaylist) -> Option<Finding> {
    let entries: Vec<_> = media(playlist)
        .filter_map(|(number, facts)| {
            let micros = playlist.media.segments.get(number)?.duration_micros;
            Some(SegmentEntry {
                duration_90k: u32::try_from(ticks(micros)).ok()?,
                bytes: facts.bytes,
            })
        })
        .collect();
    let (declared, is) = (
        variant.bandwidth?,
        peak_bandwidth(&entries, playlist.media.target_duration?)?,
    );
    (declared < is).then(|| {
        finding(
            "RFC 4.3.4.3 peak",
            format!("BANDWIDTH={declared} is under the measured peak of {is}"),
        )
    })
}
