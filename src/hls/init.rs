//! The init segment of fMP4: which tracks there are and how their samples are to be read.

use super::boxes::{Fields, boxes, children, descend};
use super::clock::TICKS_PER_SECOND;
use super::picture::{PictureFacts, SampleEntry};
use super::segment::InspectError;
use super::video::Coding;

mod entry;

/// The tracks that an init segment announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitFacts {
    pub(super) tracks: Vec<Track>,
}

/// One track of sound or picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Track {
    pub(super) id: u32,
    pub(super) clock: TrackClock,
    pub(super) defaults: Defaults,
    pub(super) media: Media,
}

/// What samples are like when a fragment does not say (`trex`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Defaults {
    pub(super) duration: u32,
    pub(super) size: u32,
}

/// What the sample description says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Media {
    Video(VideoEntry),
    Sound(SoundEntry),
    /// Captions and the like.
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VideoEntry {
    pub(super) coding: Coding,
    pub(super) entry: SampleEntry,
    /// Out of band; in band there may be none.
    pub(super) parameter_sets: Vec<Vec<u8>>,
    /// What they say.
    pub(super) picture: Option<PictureFacts>,
    /// Bytes of the length before each NAL unit.
    pub(super) length_bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SoundEntry {
    pub(super) object_type: u8,
    pub(super) sample_rate: u32,
    pub(super) channel_config: u8,
}

/// From the media times of a track to ticks as they are presented, edit list included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TrackClock {
    timescale: u32,
    movie_timescale: u32,
    /// Media time at which the presentation starts.
    media_start: i64,
    /// Of the movie's clock, before it starts.
    empty: u64,
}

impl TrackClock {
    /// To the nearest tick.
    pub(super) fn ticks(&self, media: i128) -> i64 {
        let (scale, movie) = (i128::from(self.timescale), i128::from(self.movie_timescale));
        let media = media.saturating_sub(i128::from(self.media_start));
        let ticks = i128::from(TICKS_PER_SECOND);
        let dividend = media
            .saturating_mul(movie)
            .saturating_add(i128::from(self.empty).saturating_mul(scale))
            .saturating_mul(ticks);
        let divisor = scale.saturating_mul(movie);
        let rounded = dividend.saturating_add(divisor / 2).div_euclid(divisor);
        i64::try_from(rounded).unwrap_or(i64::MAX)
    }
}

impl InitFacts {
    /// What the pictures are like, as far as the init segment says.
    pub fn picture(&self) -> Option<&PictureFacts> {
        self.tracks.iter().find_map(|track| match &track.media {
            Media::Video(video) => video.picture.as_ref(),
            Media::Sound(_) | Media::Other => None,
        })
    }

    pub(super) fn track(&self, id: u32) -> Option<&Track> {
        self.tracks.iter().find(|track| track.id == id)
    }
}

/// Reads a whole init segment.
pub fn inspect_init(bytes: &[u8]) -> Result<InitFacts, InspectError> {
    let mut movie = None;
    for found in boxes(bytes) {
        let found = found?;
        if &found.kind == b"moov" {
            movie = movie.or(Some(found.payload));
        }
    }
    let movie = movie.ok_or(InspectError::BadBox { name: "moov" })?;
    let movie_timescale = descend(movie, &[b"mvhd"])
        .and_then(timescale)
        .ok_or(InspectError::BadBox { name: "mvhd" })?;
    let mut tracks = Vec::new();
    for payload in children(movie, *b"trak") {
        let mut track = read_track(payload, movie_timescale)?;
        track.defaults = defaults(movie, track.id).unwrap_or_default();
        tracks.push(track);
    }
    Ok(InitFacts { tracks })
}

fn read_track(payload: &[u8], movie_timescale: u32) -> Result<Track, InspectError> {
    let bad = |name| InspectError::BadBox { name };
    let id = descend(payload, &[b"tkhd"])
        .and_then(track_id)
        .ok_or(bad("tkhd"))?;
    let media = descend(payload, &[b"mdia"]).ok_or(bad("mdia"))?;
    let timescale = descend(media, &[b"mdhd"])
        .and_then(timescale)
        .ok_or(bad("mdhd"))?;
    let (empty, media_start) = descend(payload, &[b"edts", b"elst"])
        .map_or(Some((0, 0)), edits)
        .ok_or(bad("elst"))?;
    let descriptions = descend(media, &[b"minf", b"stbl", b"stsd"]).ok_or(bad("stsd"))?;
    Ok(Track {
        id,
        clock: TrackClock {
            timescale,
            movie_timescale,
            media_start,
            empty,
        },
        defaults: Defaults::default(),
        media: entry::read_descriptions(descriptions)?,
    })
}

/// Of `mvhd` and `mdhd`, which begin alike; never 0.
fn timescale(payload: &[u8]) -> Option<u32> {
    let mut fields = Fields(payload);
    let (version, _) = fields.version_and_flags()?;
    fields.time(version)?;
    fields.time(version)?;
    fields.u32().filter(|timescale| *timescale > 0)
}

fn track_id(payload: &[u8]) -> Option<u32> {
    let mut fields = Fields(payload);
    let (version, _) = fields.version_and_flags()?;
    fields.time(version)?;
    fields.time(version)?;
    fields.u32()
}

/// How long nothing is shown, in the movie's clock, and the media time that is shown then.
fn edits(payload: &[u8]) -> Option<(u64, i64)> {
    let mut fields = Fields(payload);
    let (version, _) = fields.version_and_flags()?;
    let mut empty = 0_u64;
    for _ in 0..fields.u32()? {
        let duration = fields.time(version)?;
        let start = if version == 0 {
            i64::from(fields.u32()?.cast_signed())
        } else {
            fields.u64()?.cast_signed()
        };
        fields.u32()?;
        if start >= 0 {
            return Some((empty, start));
        }
        empty = empty.saturating_add(duration);
    }
    Some((empty, 0))
}

fn defaults(movie: &[u8], track: u32) -> Option<Defaults> {
    let read = |payload: &[u8]| {
        let mut fields = Fields(payload);
        fields.version_and_flags()?;
        let id = fields.u32()?;
        fields.u32()?;
        let (duration, size) = (fields.u32()?, fields.u32()?);
        (id == track).then_some(Defaults { duration, size })
    };
    children(descend(movie, &[b"mvex"])?, *b"trex").find_map(read)
}
