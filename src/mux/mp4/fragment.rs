//! Fragmented files: an init segment and any number of media segments.

use super::boxes::{boxed, full_box, media_header, words};
use super::config::{AudioConfig, PictureFormat, VideoConfig};
use super::sample::{append_sample, length, sound_sample};
use super::track::{AUDIO_TRACK, Timing, VIDEO_TRACK, audio_track, file_type, movie, video_track};
use crate::hls::clock::{TICKS_PER_SECOND, rounded};
use crate::mux::{Picture, SoundFrame};

pub(super) const SOUND_SAMPLES: u32 = 1024;

/// Depends on no other sample.
const SYNC_SAMPLE: u32 = 0x0200_0000;
/// Depends on others, and is no sync sample.
const OTHER_SAMPLE: u32 = 0x0101_0000;

/// Writes the init segment of pictures and, unless they are silent, sound.
pub fn init_segment(video: &VideoConfig, audio: Option<AudioConfig>) -> Vec<u8> {
    // `cmfc` promises one track a file.
    let brands: &[[u8; 4]] = if audio.is_some() {
        &[*b"iso6", *b"mp41"]
    } else {
        &[*b"iso6", *b"cmfc", *b"mp41"]
    };
    let tables = empty_tables();
    let timing = Timing::default();
    let video = video_track(video, &timing, &tables);
    let sound = audio
        .map(|audio| audio_track(audio, &timing, &tables))
        .unwrap_or_default();
    let mut extensions = track_extends(VIDEO_TRACK, 0, OTHER_SAMPLE);
    if audio.is_some() {
        extensions.extend(track_extends(AUDIO_TRACK, SOUND_SAMPLES, SYNC_SAMPLE));
    }
    let extensions = boxed(*b"mvex", &[&extensions]);
    [file_type(brands), movie(0, &[&video, &sound, &extensions])].concat()
}

/// The tables of a track all of whose samples are in fragments.
fn empty_tables() -> [Vec<u8>; 4] {
    let none = words([0]);
    [
        full_box(*b"stts", 0, 0, &[&none]),
        full_box(*b"stsc", 0, 0, &[&none]),
        full_box(*b"stsz", 0, 0, &[&none, &none]),
        full_box(*b"stco", 0, 0, &[&none]),
    ]
}

fn track_extends(track: u32, duration: u32, flags: u32) -> Vec<u8> {
    full_box(*b"trex", 0, 0, &[&words([track, 1, duration, 0, flags])])
}

/// Writes a media segment. `pictures` are in decoding order, `end` is when the next segment's first picture is decoded;
/// `sound` is one run of frames without gaps, or empty. `sequence` counts the segments from 1.
pub fn media_segment(
    video: &VideoConfig,
    audio: Option<AudioConfig>,
    sequence: u32,
    pictures: &[Picture],
    end: u64,
    sound: &[SoundFrame<'_>],
) -> Vec<u8> {
    let mut media = Vec::with_capacity(pictures.iter().map(|picture| picture.data.len() + 16).sum());
    let samples = picture_samples(&mut media, video.format, pictures, end);
    let sound = if audio.is_some() { sound } else { &[] };
    let sound_start = media.len();
    let sound_sizes: Vec<_> = sound
        .iter()
        .map(|frame| length(sound_sample(frame.adts).len()))
        .collect();
    for frame in sound {
        media.extend_from_slice(sound_sample(frame.adts));
    }

    let video_time = pictures.first().map_or(end, |picture| picture.dts);
    let sound_time = audio
        .zip(sound.first())
        .map(|(audio, first)| samples_at(audio, first.pts));
    // The offsets of the media count from the start of `moof`, whose length does not depend on them.
    let fragment = |offset: usize| {
        let pictures = video_fragment(video_time, &samples, length(offset));
        let sound = sound_time
            .map(|time| audio_fragment(time, &sound_sizes, length(offset + sound_start)))
            .unwrap_or_default();
        let header = full_box(*b"mfhd", 0, 0, &[&words([sequence])]);
        boxed(*b"moof", &[&header, &pictures, &sound])
    };
    let media_header = media_header(media.len() as u64);
    let offset = fragment(0).len() + media_header.len();
    [fragment(offset), media_header, media].concat()
}

/// Appends the samples; gives duration, size, flags and composition offset of each.
fn picture_samples(
    media: &mut Vec<u8>,
    format: PictureFormat,
    pictures: &[Picture],
    end: u64,
) -> Vec<[u32; 4]> {
    let decoded_next = pictures.iter().skip(1).map(|picture| picture.dts).chain([end]);
    let sample = |(picture, next): (&Picture, u64)| {
        let size = append_sample(media, format, picture);
        let flags = if picture.key { SYNC_SAMPLE } else { OTHER_SAMPLE };
        [
            ticks(next, picture.dts),
            size,
            flags,
            ticks(picture.pts, picture.dts),
        ]
    };
    pictures.iter().zip(decoded_next).map(sample).collect()
}

fn video_fragment(time: u64, samples: &[[u32; 4]], offset: u32) -> Vec<u8> {
    // Offset, and for each sample duration, size, flags and composition offset.
    const FIELDS: u32 = 0x0f01;
    let count = length(samples.len());
    let run = full_box(
        *b"trun",
        1,
        FIELDS,
        &[&words([count, offset]), &words(samples.iter().copied().flatten())],
    );
    track_fragment(VIDEO_TRACK, time, &run)
}

fn audio_fragment(time: u64, sizes: &[u32], offset: u32) -> Vec<u8> {
    // Offset, and for each sample its size; the rest is as the init segment says.
    const FIELDS: u32 = 0x0201;
    let count = length(sizes.len());
    let run = full_box(
        *b"trun",
        0,
        FIELDS,
        &[&words([count, offset]), &words(sizes.iter().copied())],
    );
    track_fragment(AUDIO_TRACK, time, &run)
}

fn track_fragment(track: u32, time: u64, run: &[u8]) -> Vec<u8> {
    const OFFSETS_FROM_FRAGMENT: u32 = 0x02_0000;
    let header = full_box(*b"tfhd", 0, OFFSETS_FROM_FRAGMENT, &[&words([track])]);
    let time = full_box(*b"tfdt", 1, 0, &[&time.to_be_bytes()]);
    boxed(*b"traf", &[&header, &time, run])
}

/// The sample that is heard at a time in ticks.
pub(super) fn samples_at(audio: AudioConfig, ticks: u64) -> u64 {
    rounded(
        u128::from(ticks) * u128::from(audio.sample_rate),
        u128::from(TICKS_PER_SECOND),
    )
}

/// From one time to a later one.
pub(super) fn ticks(later: u64, earlier: u64) -> u32 {
    u32::try_from(later.saturating_sub(earlier)).unwrap_or(u32::MAX)
}
