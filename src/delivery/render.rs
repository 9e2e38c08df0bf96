//! Playlists from rows of the read models.

use clipper_domain::{FrameRate, InvalidQuality, Quality, Segment};
use clipper_projections::clip_captions::CaptionsRow;
use clipper_projections::video_variants::VariantRow;

use crate::hls::{
    Container, IFramePlaylist, IFrameVariant, KeyFrames, MasterVariant, MediaPlaylist, PlaylistKind,
    SegmentEntry, SegmentNames, SubtitleTrack,
};

/// HEVC is in fragmented MP4, everything else in MPEG-TS.
pub(crate) fn container(row: &VariantRow) -> Container {
    if row.codec.starts_with("avc1") {
        Container::Ts
    } else {
        Container::Fmp4
    }
}

fn generation(row: &VariantRow) -> u32 {
    u32::try_from(row.generation).unwrap_or(1)
}

/// What the master playlist says of a rung.
pub(super) fn master_variant(row: &VariantRow) -> Result<MasterVariant, InvalidQuality> {
    let quality: Quality = row.quality.parse()?;
    Ok(MasterVariant {
        uri: format!("{}.m3u8", quality.path()),
        bandwidth: row.bitrate.unsigned_abs(),
        average_bandwidth: row.average_bitrate.unsigned_abs(),
        codecs: row.codec.clone(),
        width: stored(row.width),
        height: stored(row.height),
        frame_rate: thousandths(row.frame_rate),
    })
}

/// The playlist of a rung.
pub(super) fn media_playlist(row: &VariantRow, quality: Quality, segments: &[Segment]) -> String {
    let entries: Vec<SegmentEntry> = segments.iter().map(SegmentEntry::from).collect();
    MediaPlaylist {
        target_duration: stored(row.target_duration),
        kind: if row.growing {
            PlaylistKind::Event
        } else {
            PlaylistKind::Vod
        },
        container: container(row),
        names: SegmentNames::Api {
            quality: quality.path(),
            generation: generation(row),
        },
        segments: &entries,
    }
    .render()
}

/// Of a rung that is finished and whose events say where its key frames lie; the oldest do not.
pub(super) fn key_frames(row: &VariantRow, segments: &[Segment]) -> Option<KeyFrames> {
    if row.growing {
        None
    } else {
        KeyFrames::of(segments)
    }
}

/// The playlist of a rung's key frames.
pub(super) fn i_frame_playlist<'a>(row: &VariantRow, key_frames: &'a KeyFrames) -> IFramePlaylist<'a> {
    let names = SegmentNames::ApiRung {
        generation: generation(row),
    };
    key_frames.playlist(container(row), names)
}

/// What the master playlist says of a rung's key frames.
pub(super) fn i_frame_variant(
    row: &VariantRow,
    quality: Quality,
    playlist: &IFramePlaylist<'_>,
) -> IFrameVariant {
    let uri = format!("{}/iframes.m3u8", quality.path());
    IFrameVariant::of(uri, playlist, &row.codec, (stored(row.width), stored(row.height)))
}

/// What the master playlist says of captions.
pub(super) fn subtitles(captions: CaptionsRow) -> SubtitleTrack {
    SubtitleTrack {
        uri: format!("captions/{}.m3u8", captions.language),
        language: captions.language,
        name: captions.name,
    }
}

fn stored(count: i64) -> u32 {
    u32::try_from(count).unwrap_or_default()
}

/// The three decimals that `FRAME-RATE` has.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "frame rates lie between 0 and 60"
)]
fn thousandths(rate: f64) -> FrameRate {
    FrameRate::new((rate * 1_000.0).round() as u32, 1_000).unwrap_or(FrameRate::PAL)
}
