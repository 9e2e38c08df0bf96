//! The tracks of a file as `moov` describes them.

use super::boxes::{boxed, full_box, words};
use super::config::{AudioConfig, VideoConfig};

/// The scale of the file as a whole, and of its pictures: that of the presentation, so that no time is rounded.
pub(super) const TICKS_PER_SECOND: u32 = 90_000;

pub(super) const VIDEO_TRACK: u32 = 1;
pub(super) const AUDIO_TRACK: u32 = 2;

const IDENTITY: [u32; 9] = [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000];

/// One track. `duration` is in ticks, `media_duration` on the scale of the track; both are 0 where fragments follow.
#[derive(Default)]
pub(super) struct Timing {
    pub(super) duration: u64,
    pub(super) media_duration: u64,
    /// `edts`, or nothing.
    pub(super) edits: Vec<u8>,
}

/// `ftyp` with these brands.
pub(super) fn file_type(brands: &[[u8; 4]]) -> Vec<u8> {
    let major = brands.first().copied().unwrap_or_default();
    boxed(*b"ftyp", &[&major, &[0; 4], &brands.concat()])
}

/// `moov` around its tracks and what else it has.
pub(super) fn movie(duration: u64, parts: &[&[u8]]) -> Vec<u8> {
    const NORMAL_RATE: u32 = 0x0001_0000;
    const FULL_VOLUME: u32 = 0x0100_0000;
    let header = full_box(
        *b"mvhd",
        1,
        0,
        &[
            &[0; 16],
            &words([TICKS_PER_SECOND]),
            &duration.to_be_bytes(),
            &words([NORMAL_RATE, FULL_VOLUME, 0, 0]),
            &words(IDENTITY),
            &words([0, 0, 0, 0, 0, 0, AUDIO_TRACK + 1]),
        ],
    );
    boxed(*b"moov", &[&[&header[..]], parts].concat())
}

/// `trak` of pictures whose samples `tables` describe.
pub(super) fn video_track(config: &VideoConfig, timing: &Timing, tables: &[Vec<u8>]) -> Vec<u8> {
    let media = [
        handler(*b"vide", TICKS_PER_SECOND, timing.media_duration),
        information(
            &full_box(*b"vmhd", 0, 1, &[&[0; 8]]),
            &config.sample_entry(),
            tables,
        ),
    ];
    let size = (config.width, config.height);
    track(
        &track_header(VIDEO_TRACK, timing.duration, 0, size),
        &timing.edits,
        &media.concat(),
    )
}

/// `trak` of sound whose samples `tables` describe.
pub(super) fn audio_track(config: AudioConfig, timing: &Timing, tables: &[Vec<u8>]) -> Vec<u8> {
    const FULL_VOLUME: u16 = 0x0100;
    let media = [
        handler(*b"soun", config.sample_rate, timing.media_duration),
        information(
            &full_box(*b"smhd", 0, 0, &[&[0; 4]]),
            &config.sample_entry(),
            tables,
        ),
    ];
    let header = track_header(AUDIO_TRACK, timing.duration, FULL_VOLUME, (0, 0));
    track(&header, &timing.edits, &media.concat())
}

fn track(header: &[u8], edits: &[u8], media: &[u8]) -> Vec<u8> {
    boxed(*b"trak", &[header, edits, &boxed(*b"mdia", &[media])])
}

fn track_header(id: u32, duration: u64, volume: u16, (width, height): (u16, u16)) -> Vec<u8> {
    const ENABLED_IN_MOVIE: u32 = 3;
    full_box(
        *b"tkhd",
        1,
        ENABLED_IN_MOVIE,
        &[
            &[0; 16],
            &words([id, 0]),
            &duration.to_be_bytes(),
            &words([0, 0, 0, u32::from(volume) << 16]),
            &words(IDENTITY),
            &words([u32::from(width) << 16, u32::from(height) << 16]),
        ],
    )
}

/// `mdhd` and `hdlr`.
fn handler(kind: [u8; 4], scale: u32, duration: u64) -> Vec<u8> {
    // Three letters of five bits: `und`.
    const UNDETERMINED_LANGUAGE: u32 = 0x55c4_0000;
    let duration = duration.to_be_bytes();
    let header = full_box(
        *b"mdhd",
        1,
        0,
        &[
            &[0; 16],
            &words([scale]),
            &duration,
            &words([UNDETERMINED_LANGUAGE]),
        ],
    );
    let handler = full_box(*b"hdlr", 0, 0, &[&[0; 4], &kind, &[0; 12], b"\0"]);
    [header, handler].concat()
}

fn information(media_header: &[u8], entry: &[u8], tables: &[Vec<u8>]) -> Vec<u8> {
    const IN_THIS_FILE: u32 = 1;
    let location = full_box(*b"url ", 0, IN_THIS_FILE, &[]);
    let locations = full_box(*b"dref", 0, 0, &[&words([1]), &location]);
    let descriptions = full_box(*b"stsd", 0, 0, &[&words([1]), entry]);
    let samples = boxed(*b"stbl", &[&descriptions, &tables.concat()]);
    boxed(
        *b"minf",
        &[media_header, &boxed(*b"dinf", &[&locations]), &samples],
    )
}
