//! A segment of fMP4: movie fragments and the samples that they point to (ISO/IEC 14496-12, 8.8).

#[cfg(test)]
mod tests;

use super::{InspectError, MediaFacts, Segment};
use crate::hls::aac::AudioFacts;
use crate::hls::boxes::{Fields, Mp4Box, boxes, children};
use crate::hls::init::{InitFacts, Media, SoundEntry, Track, VideoEntry};
use crate::hls::playlist::Container;
use crate::hls::video::{Stamp, Video};

/// How much of a segment the bytes are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    /// A fragment and its first samples: what an I-frame playlist points to.
    Range,
}

pub(super) fn inspect(init: &InitFacts, bytes: &[u8], extent: Extent) -> Result<MediaFacts, InspectError> {
    let mut inspection = Inspection {
        bytes,
        extent,
        sample_bytes: 0,
        samples: 0,
        video: None,
        sound: None,
    };
    for found in boxes(bytes) {
        let found = match found {
            Ok(found) => found,
            // The samples that are not in the range are cut off.
            Err(_) if extent == Extent::Range && inspection.video.is_some() => break,
            Err(bad) => return Err(bad.into()),
        };
        if &found.kind == b"moof" {
            inspection.take_fragment(init, &found)?;
        }
    }
    inspection.finish()
}

struct Inspection<'a> {
    bytes: &'a [u8],
    extent: Extent,
    /// Of all samples so far; more than the segment holds means that they lie over each other.
    sample_bytes: u64,
    samples: usize,
    /// The first picture track that has samples, and its description.
    video: Option<(u32, Video)>,
    sound: Option<(u32, AudioFacts)>,
}

/// What a fragment says of one track, while its runs are read.
struct Run<'a> {
    track: &'a Track,
    fragment_start: usize,
    /// Where the next sample lies when a run does not say.
    position: u64,
    base: u64,
    /// Media time of the next sample.
    time: u64,
    duration: u32,
    size: u32,
}

/// One sample of a run.
struct Sample {
    time: u64,
    offset: i64,
    start: usize,
    end: usize,
}

impl Inspection<'_> {
    fn take_fragment(&mut self, init: &InitFacts, fragment: &Mp4Box<'_>) -> Result<(), InspectError> {
        let mut position = fragment.start as u64;
        for payload in children(fragment.payload, *b"traf") {
            let (id, header) = track_header(payload).ok_or(InspectError::BadBox { name: "tfhd" })?;
            let Some(track) = init.track(id) else { continue };
            let time = children(payload, *b"tfdt")
                .next()
                .and_then(decode_time)
                .ok_or(InspectError::BadBox { name: "tfdt" })?;
            let base = match header.base {
                Some(base) => base,
                None if header.base_is_fragment => fragment.start as u64,
                None => position,
            };
            let mut run = Run {
                track,
                fragment_start: fragment.start,
                position: base,
                base,
                time,
                duration: header.duration.unwrap_or(track.defaults.duration),
                size: header.size.unwrap_or(track.defaults.size),
            };
            for samples in children(payload, *b"trun") {
                self.take_run(&mut run, samples)?;
            }
            position = run.position;
        }
        Ok(())
    }

    fn take_run(&mut self, run: &mut Run<'_>, payload: &[u8]) -> Result<(), InspectError> {
        const BAD: InspectError = InspectError::BadBox { name: "trun" };
        let mut fields = Fields(payload);
        let (version, flags) = fields.version_and_flags().ok_or(BAD)?;
        let count = fields.u32().ok_or(BAD)?;
        if flags & 0x1 != 0 {
            let offset = i64::from(fields.u32().ok_or(BAD)?.cast_signed());
            run.position = run
                .base
                .checked_add_signed(offset)
                .ok_or(InspectError::StraySamples)?;
        }
        if flags & 0x4 != 0 {
            fields.u32().ok_or(BAD)?;
        }
        for _ in 0..count {
            let sample = run.next(&mut fields, version, flags).ok_or(BAD)?;
            if self.extent == Extent::Range && sample.end > self.bytes.len() {
                return Ok(());
            }
            self.count(&sample)?;
            self.take_sample(run, &sample);
        }
        Ok(())
    }

    /// Refuses more samples, or longer ones, than the segment has bytes: what is claimed costs no time.
    fn count(&mut self, sample: &Sample) -> Result<(), InspectError> {
        let whole = self.bytes.len();
        self.samples += 1;
        self.sample_bytes += (sample.end - sample.start) as u64;
        if sample.end > whole || self.samples > whole || self.sample_bytes > whole as u64 {
            return Err(InspectError::StraySamples);
        }
        Ok(())
    }

    fn take_sample(&mut self, run: &Run<'_>, sample: &Sample) {
        let id = run.track.id;
        match &run.track.media {
            Media::Video(entry) => {
                let (known, video) = self.video.get_or_insert_with(|| (id, opened(entry)));
                if *known == id {
                    let data = self.bytes.get(sample.start..sample.end).unwrap_or_default();
                    take_picture(video, run, sample, data, entry);
                }
            }
            Media::Sound(entry) => {
                let first_pts = run.track.clock.ticks(presented(sample));
                let (known, sound) = self.sound.get_or_insert_with(|| (id, silence(*entry, first_pts)));
                if *known == id {
                    sound.frames = sound.frames.saturating_add(1);
                }
            }
            Media::Other => {}
        }
    }

    fn finish(self) -> Result<MediaFacts, InspectError> {
        let segment = Segment {
            container: Container::Fmp4,
            bytes: self.bytes.len() as u64,
            tables_first: true,
            lost_packets: 0,
        };
        let audio = self.sound.map(|(_, sound)| sound);
        let Some((_, video)) = self.video else {
            return segment.facts(Video::default(), audio);
        };
        segment.facts(video, audio)
    }
}

fn opened(entry: &VideoEntry) -> Video {
    let mut video = Video::new(entry.coding).in_entry(entry.entry);
    for set in &entry.parameter_sets {
        video.keep_parameter_set(set);
    }
    video
}

fn silence(entry: SoundEntry, first_pts: i64) -> AudioFacts {
    AudioFacts {
        first_pts,
        frames: 0,
        object_type: entry.object_type,
        sample_rate: entry.sample_rate,
        channel_config: entry.channel_config,
    }
}

fn presented(sample: &Sample) -> i128 {
    i128::from(sample.time) + i128::from(sample.offset)
}

fn take_picture(video: &mut Video, run: &Run<'_>, sample: &Sample, data: &[u8], entry: &VideoEntry) {
    let contents = video.read(units(data, entry.length_bytes));
    let clock = &run.track.clock;
    let stamp = Stamp {
        pts: clock.ticks(presented(sample)),
        dts: clock.ticks(i128::from(sample.time)),
    };
    video.frames = video.frames.saturating_add(1);
    // Without its `moof` a sample cannot be read (APL 6.10).
    video.take(
        stamp,
        &contents,
        &(run.fragment_start.min(sample.start)..sample.end),
    );
}

/// The NAL units of a sample, each after its length.
fn units(sample: &[u8], length_bytes: usize) -> impl Iterator<Item = &[u8]> {
    let mut fields = Fields(sample);
    std::iter::from_fn(move || {
        let prefix = fields.take(length_bytes)?;
        let length = prefix
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte));
        fields.take(length)
    })
}

impl Run<'_> {
    fn next(&mut self, fields: &mut Fields<'_>, version: u8, flags: u32) -> Option<Sample> {
        let mut own = |flag: u32| {
            if flags & flag == 0 {
                Some(None)
            } else {
                fields.u32().map(Some)
            }
        };
        let duration = own(0x100)?.unwrap_or(self.duration);
        let size = own(0x200)?.unwrap_or(self.size);
        own(0x400)?;
        let offset = own(0x800)?.unwrap_or(0);
        // Signed since version 1.
        let offset = if version == 0 {
            i64::from(offset)
        } else {
            i64::from(offset.cast_signed())
        };
        let start = usize::try_from(self.position).ok()?;
        let end = start.checked_add(usize::try_from(size).ok()?)?;
        let time = self.time;
        self.position = u64::try_from(end).ok()?;
        self.time = time.checked_add(u64::from(duration))?;
        Some(Sample {
            time,
            offset,
            start,
            end,
        })
    }
}

/// `tfhd` without its track.
struct TrackHeader {
    base: Option<u64>,
    base_is_fragment: bool,
    duration: Option<u32>,
    size: Option<u32>,
}

fn track_header(fragment: &[u8]) -> Option<(u32, TrackHeader)> {
    let mut fields = Fields(children(fragment, *b"tfhd").next()?);
    let (_, flags) = fields.version_and_flags()?;
    let id = fields.u32()?;
    let base = if flags & 0x1 == 0 {
        None
    } else {
        Some(fields.u64()?)
    };
    let mut own = |flag: u32| {
        if flags & flag == 0 {
            Some(None)
        } else {
            fields.u32().map(Some)
        }
    };
    own(0x2)?;
    let (duration, size) = (own(0x8)?, own(0x10)?);
    let header = TrackHeader {
        base,
        base_is_fragment: flags & 0x0002_0000 != 0,
        duration,
        size,
    };
    Some((id, header))
}

fn decode_time(payload: &[u8]) -> Option<u64> {
    let mut fields = Fields(payload);
    let (version, _) = fields.version_and_flags()?;
    fields.time(version)
}
