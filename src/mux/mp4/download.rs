//! One file with everything at its start that a player needs, for downloading.
//!
//! What is written here is the part before the media; those follow chunk by chunk as they are in media segments. So the
//! whole file is known before any of it is read, and any range of it can be answered.

use super::boxes::{boxed, full_box, media_header, words};
use super::config::{AudioConfig, VideoConfig};
use super::fragment::{SOUND_SAMPLES, samples_at, ticks};
use super::sample::length;
use super::track::{Timing, audio_track, file_type, movie, video_track};

/// A picture that is to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureSample {
    /// When it is shown, in 90 kHz ticks from the start of the presentation.
    pub pts: u64,
    /// When it is decoded.
    pub dts: u64,
    /// An IDR picture.
    pub key: bool,
    /// Bytes of [`picture_sample`](super::picture_sample).
    pub size: u32,
}

/// A frame of sound that is to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoundSample {
    /// When it is heard, in 90 kHz ticks from the start of the presentation.
    pub pts: u64,
    /// Bytes of [`sound_sample`](super::sound_sample).
    pub size: u32,
}

/// A stretch of the media: first its pictures, then the sound that belongs to them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chunk {
    /// In decoding order.
    pub pictures: Vec<PictureSample>,
    /// Without gaps between the frames, within the chunk and from the one before.
    pub sound: Vec<SoundSample>,
}

impl Chunk {
    fn picture_bytes(&self) -> u64 {
        self.pictures.iter().map(|sample| u64::from(sample.size)).sum()
    }

    fn sound_bytes(&self) -> u64 {
        self.sound.iter().map(|sample| u64::from(sample.size)).sum()
    }
}

/// Writes everything that comes before the first chunk. `end` is when a picture after the last one would be decoded.
/// A clip is silent when `audio` is `None`, and its chunks then have no sound.
pub fn download_head(video: &VideoConfig, audio: Option<AudioConfig>, chunks: &[Chunk], end: u64) -> Vec<u8> {
    let media_bytes = chunks
        .iter()
        .map(|chunk| chunk.picture_bytes() + chunk.sound_bytes())
        .sum();
    let media_header = media_header(media_bytes);
    let file_type = file_type(&[*b"isom", *b"iso6", *b"mp41"]);
    // How long the tables are does not depend on where the media start, as long as the offsets are equally wide.
    let movie = |media_start: u64| {
        let wide = media_bytes > u64::from(u32::MAX / 2);
        let (duration, video) = describe_video(video, chunks, end, &Offsets { media_start, wide });
        let Some(audio) = audio else {
            return movie(duration, &[&video]);
        };
        let (sound_duration, audio) = describe_audio(audio, chunks, &Offsets { media_start, wide });
        movie(duration.max(sound_duration), &[&video, &audio])
    };
    let media_start = file_type.len() + movie(0).len() + media_header.len();
    [file_type, movie(media_start as u64), media_header].concat()
}

/// Where the media start, and whether places in them need 64 bits.
struct Offsets {
    media_start: u64,
    wide: bool,
}

impl Offsets {
    /// `stco` or `co64`: where each chunk of a track starts, given the bytes of the other track before it and its own.
    fn table(&self, chunks: impl Iterator<Item = (u64, u64, u64)>) -> Vec<u8> {
        let mut next = self.media_start;
        let mut places = Vec::new();
        for (before, own, after) in chunks {
            if own > 0 {
                places.push(next + before);
            }
            next += before + own + after;
        }
        let count = words([length(places.len())]);
        if self.wide {
            let places: Vec<_> = places.into_iter().flat_map(u64::to_be_bytes).collect();
            full_box(*b"co64", 0, 0, &[&count, &places])
        } else {
            let places = places
                .into_iter()
                .map(|place| u32::try_from(place).unwrap_or(u32::MAX));
            full_box(*b"stco", 0, 0, &[&count, &words(places)])
        }
    }
}

/// How long the pictures last, in ticks, and their track.
fn describe_video(video: &VideoConfig, chunks: &[Chunk], end: u64, offsets: &Offsets) -> (u64, Vec<u8>) {
    let pictures: Vec<_> = chunks.iter().flat_map(|chunk| chunk.pictures.iter()).collect();
    let start = pictures.first().map_or(end, |picture| picture.dts);
    let decoded_next = pictures.iter().skip(1).map(|picture| picture.dts).chain([end]);
    let durations = pictures
        .iter()
        .zip(decoded_next)
        .map(|(picture, next)| ticks(next, picture.dts));
    let delays = pictures.iter().map(|picture| ticks(picture.pts, picture.dts));
    let keys = (1..)
        .zip(&pictures)
        .filter_map(|(number, picture)| picture.key.then_some(number));
    let keys: Vec<_> = keys.collect();
    let tables = [
        runs_table(*b"stts", durations),
        runs_table(*b"ctts", delays),
        full_box(*b"stss", 0, 0, &[&words([length(keys.len())]), &words(keys)]),
        chunks_table(chunks.iter().map(|chunk| chunk.pictures.len())),
        sizes_table(pictures.iter().map(|picture| picture.size).collect()),
        offsets.table(
            chunks
                .iter()
                .map(|chunk| (0, chunk.picture_bytes(), chunk.sound_bytes())),
        ),
    ];
    let duration = end.saturating_sub(start);
    let timing = Timing {
        duration,
        media_duration: duration,
        edits: edits(&[(duration, i64::from(ticks(first_shown(chunks), start)))]),
    };
    (duration, video_track(video, &timing, &tables))
}

/// How long the sound lasts from the first picture on, in ticks, and its track.
fn describe_audio(audio: AudioConfig, chunks: &[Chunk], offsets: &Offsets) -> (u64, Vec<u8>) {
    let sound: Vec<_> = chunks.iter().flat_map(|chunk| chunk.sound.iter()).collect();
    let tables = [
        runs_table(*b"stts", sound.iter().map(|_| SOUND_SAMPLES)),
        chunks_table(chunks.iter().map(|chunk| chunk.sound.len())),
        sizes_table(sound.iter().map(|frame| frame.size).collect()),
        offsets.table(
            chunks
                .iter()
                .map(|chunk| (chunk.picture_bytes(), chunk.sound_bytes(), 0)),
        ),
    ];
    let media_duration = sound.len() as u64 * u64::from(SOUND_SAMPLES);
    let whole = media_duration * u64::from(super::track::TICKS_PER_SECOND) / u64::from(audio.sample_rate);
    let (shown, heard) = (first_shown(chunks), sound.first().map_or(0, |frame| frame.pts));
    let late = heard.saturating_sub(shown);
    let early = shown.saturating_sub(heard);
    let played = (
        whole.saturating_sub(early),
        samples_at(audio, early).cast_signed(),
    );
    let edits = if late > 0 {
        // Nothing is heard at first.
        edits(&[(late, -1), played])
    } else {
        edits(&[played])
    };
    let duration = late + played.0;
    let timing = Timing {
        duration,
        media_duration,
        edits,
    };
    (duration, audio_track(audio, &timing, &tables))
}

/// When the first picture is shown, at which the file starts.
fn first_shown(chunks: &[Chunk]) -> u64 {
    let first = chunks.iter().find(|chunk| !chunk.pictures.is_empty());
    first
        .and_then(|chunk| chunk.pictures.iter().map(|picture| picture.pts).min())
        .unwrap_or(0)
}

/// `edts`: what is played for how long, and from where on in the track; -1 is nothing.
fn edits(edits: &[(u64, i64)]) -> Vec<u8> {
    const NORMAL_RATE: u32 = 0x0001_0000;
    let mut entries = Vec::new();
    for (duration, start) in edits {
        entries.extend(duration.to_be_bytes());
        entries.extend(start.to_be_bytes());
        entries.extend(NORMAL_RATE.to_be_bytes());
    }
    let list = full_box(*b"elst", 1, 0, &[&words([length(edits.len())]), &entries]);
    boxed(*b"edts", &[&list])
}

/// Values as runs of equal ones: how many, and of what.
fn runs_table(kind: [u8; 4], values: impl Iterator<Item = u32>) -> Vec<u8> {
    let values: Vec<_> = values.collect();
    let runs = values.chunk_by(|value, next| value == next);
    let runs: Vec<_> = runs
        .filter_map(|run| Some([length(run.len()), *run.first()?]))
        .collect();
    full_box(
        kind,
        0,
        0,
        &[&words([length(runs.len())]), &words(runs.into_iter().flatten())],
    )
}

/// `stsc`: how many samples the chunks of a track have, where that changes.
fn chunks_table(samples: impl Iterator<Item = usize>) -> Vec<u8> {
    let samples = (1..).zip(samples.filter(|samples| *samples > 0).map(length));
    let mut runs: Vec<[u32; 3]> = Vec::new();
    for (number, samples) in samples {
        if runs.last().is_none_or(|[_, before, _]| *before != samples) {
            runs.push([number, samples, 1]);
        }
    }
    full_box(
        *b"stsc",
        0,
        0,
        &[&words([length(runs.len())]), &words(runs.into_iter().flatten())],
    )
}

/// `stsz`: the size of each sample.
fn sizes_table(sizes: Vec<u32>) -> Vec<u8> {
    full_box(*b"stsz", 0, 0, &[&words([0, length(sizes.len())]), &words(sizes)])
}
