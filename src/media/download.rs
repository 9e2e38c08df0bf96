//! A rendition as one MP4 file that is never written: its head is computed from the stored segments, and the rest made of
//! them as it is sent.
//!
//! Promises: the length is known before the first byte, any range can be had, and no more than a segment is in memory.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{Stream, TryStreamExt, stream};
use tokio::sync::{OnceCell, Semaphore};
use tokio_util::bytes::Bytes;

use super::MediaStore;
use crate::hls::{Container, SegmentNames};
use crate::mux::{
    self, AudioConfig, BadStream, Chunk, PictureFormat, PictureSample, SoundSample, TsMedia, UnknownFormat,
    VideoConfig,
};

/// Larger parts would be copied whole into the connection's buffer.
const PART: usize = 64 * 1_024;
/// Heads that are kept, and their bytes.
const KEPT: usize = 64;
const KEPT_BYTES: usize = 32 << 20;
/// Heads that are computed at a time: each reads a whole rendition.
const AT_WORK: usize = 2;

/// Why a rendition cannot be had as one file.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// A segment cannot be read.
    #[error("a segment cannot be read")]
    Disk(#[from] io::Error),
    /// A segment is damaged.
    #[error("segment {number} is damaged")]
    Damaged {
        /// Counted from 0.
        number: usize,
        /// What is wrong.
        #[source]
        source: BadStream,
    },
    /// The pictures or the sound do not say how they are coded.
    #[error(transparent)]
    Format(#[from] UnknownFormat),
    /// One description of the format does not do for all pictures.
    #[error("the format changes in segment {number}")]
    Changes {
        /// Counted from 0.
        number: usize,
    },
}

/// A file that could be written.
#[derive(Debug)]
pub struct Download {
    media: MediaStore,
    folder: String,
    head: Bytes,
    /// The bytes of each segment's samples.
    chunks: Vec<u64>,
    length: u64,
}

impl Download {
    /// Reads every segment of an H.264 rendition and computes the head.
    async fn read(media: MediaStore, folder: String, segments: usize) -> Result<Self, DownloadError> {
        let mut outline = Outline::default();
        for number in 0..segments {
            let bytes = segment(&media, &folder, number).await?;
            let told = tokio::task::spawn_blocking(move || {
                outline.take(number, &parse(&bytes, number)?)?;
                Ok::<_, DownloadError>(outline)
            });
            outline = told.await.map_err(io::Error::other)??;
        }
        let video = outline.video.as_ref().ok_or(UnknownFormat)?;
        let head = mux::download_head(video, outline.audio, &outline.chunks, outline.end());
        let chunks: Vec<u64> = outline.chunks.iter().map(size).collect();
        Ok(Self {
            media,
            folder,
            length: head.len() as u64 + chunks.iter().sum::<u64>(),
            head: head.into(),
            chunks,
        })
    }

    /// How many bytes the file has.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// A part of the file.
    pub fn part(self: Arc<Self>, first: u64, count: u64) -> impl Stream<Item = io::Result<Bytes>> {
        let end = first.saturating_add(count).min(self.length);
        let pieces = stream::try_unfold((self, first), move |(file, position)| async move {
            if position >= end {
                return Ok(None);
            }
            let piece = Arc::clone(&file).piece(position, end).await?;
            let next = position + piece.len() as u64;
            Ok::<_, io::Error>(Some((piece, (file, next))))
        });
        pieces
            .map_ok(|piece| stream::iter(parts(piece).map(Ok)))
            .try_flatten()
    }

    /// What there is from a position to the end of the head or of the segment that it lies in, or to `end`.
    async fn piece(self: Arc<Self>, position: u64, end: u64) -> io::Result<Bytes> {
        let mut start = self.head.len() as u64;
        if position < start {
            return within(&self.head, position, end);
        }
        for (number, size) in self.chunks.iter().enumerate() {
            if position < start + size {
                let bytes = self.chunk(number).await?;
                return within(&bytes, position - start, end - start);
            }
            start += size;
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }

    /// The samples of a segment.
    async fn chunk(&self, number: usize) -> io::Result<Bytes> {
        let bytes = segment(&self.media, &self.folder, number).await?;
        let made = tokio::task::spawn_blocking(move || {
            let media = parse(&bytes, number).map_err(io::Error::other)?;
            Ok::<_, io::Error>(samples(&media))
        });
        let bytes = made.await.map_err(io::Error::other)??;
        if self.chunks.get(number) == Some(&(bytes.len() as u64)) {
            Ok(bytes.into())
        } else {
            Err(io::Error::other("a published segment has changed"))
        }
    }
}

fn within(bytes: &Bytes, first: u64, end: u64) -> io::Result<Bytes> {
    let place = |place: u64| usize::try_from(place).map_err(io::Error::other);
    let (first, end) = (place(first)?, place(end)?.min(bytes.len()));
    Ok(bytes.slice(first.min(end)..end))
}

fn parts(piece: Bytes) -> impl Iterator<Item = Bytes> {
    let starts = (0..piece.len()).step_by(PART);
    starts.map(move |start| piece.slice(start..(start + PART).min(piece.len())))
}

async fn segment(media: &MediaStore, folder: &str, number: usize) -> io::Result<Vec<u8>> {
    let name = SegmentNames::Tree.segment(number, Container::Ts);
    media.read(&format!("{folder}/{name}")).await
}

fn parse(bytes: &[u8], number: usize) -> Result<TsMedia, DownloadError> {
    mux::read_ts_segment(bytes).map_err(|source| DownloadError::Damaged { number, source })
}

/// The bytes of a segment's samples as they lie in the file: its pictures, then its sound.
fn samples(media: &TsMedia) -> Vec<u8> {
    let mut bytes = vec![];
    for picture in &media.pictures {
        bytes.extend(mux::picture_sample(PictureFormat::H264, picture));
    }
    for frame in media.sound() {
        bytes.extend_from_slice(mux::sound_sample(frame.adts));
    }
    bytes
}

fn size(chunk: &Chunk) -> u64 {
    let pictures = chunk.pictures.iter().map(|sample| u64::from(sample.size));
    let sound = chunk.sound.iter().map(|sample| u64::from(sample.size));
    pictures.chain(sound).sum()
}

/// What the head has to say, gathered segment by segment.
#[derive(Default)]
struct Outline {
    video: Option<VideoConfig>,
    audio: Option<AudioConfig>,
    chunks: Vec<Chunk>,
}

impl Outline {
    fn take(&mut self, number: usize, media: &TsMedia) -> Result<(), DownloadError> {
        for key in media.pictures.iter().filter(|picture| picture.key) {
            let format = VideoConfig::of_picture(PictureFormat::H264, key)?;
            if *self.video.get_or_insert_with(|| format.clone()) != format {
                return Err(DownloadError::Changes { number });
            }
        }
        let mut chunk = Chunk::default();
        for picture in &media.pictures {
            chunk.pictures.push(PictureSample {
                pts: picture.pts,
                dts: picture.dts,
                key: picture.key,
                size: length(&mux::picture_sample(PictureFormat::H264, picture)),
            });
        }
        for frame in media.sound() {
            let format = AudioConfig::of_frame(frame.adts)?;
            if *self.audio.get_or_insert(format) != format {
                return Err(DownloadError::Changes { number });
            }
            chunk.sound.push(SoundSample {
                pts: frame.pts,
                size: length(mux::sound_sample(frame.adts)),
            });
        }
        self.chunks.push(chunk);
        Ok(())
    }

    /// When a picture after the last one would be decoded: as long after it as it comes after the one before.
    fn end(&self) -> u64 {
        let mut latest = self
            .chunks
            .iter()
            .rev()
            .flat_map(|chunk| chunk.pictures.iter().rev());
        let last = latest.next().map_or(0, |picture| picture.dts);
        let before = latest
            .next()
            .map_or(last.saturating_sub(3_000), |picture| picture.dts);
        last + last.saturating_sub(before)
    }
}

fn length(sample: &[u8]) -> u32 {
    u32::try_from(sample.len()).unwrap_or(u32::MAX)
}

/// A file that is there, or being looked at.
type Slot = Arc<OnceCell<Arc<Download>>>;

/// The heads that were asked for last, so that a download in parts reads its rendition once.
#[derive(Debug)]
pub struct Downloads {
    /// By the folder, the one that was asked for last in front.
    kept: Mutex<VecDeque<(String, Slot)>>,
    at_work: Semaphore,
}

impl Default for Downloads {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            at_work: Semaphore::new(AT_WORK),
        }
    }
}

impl Downloads {
    /// The file of an H.264 rendition in a folder, which has so many segments.
    pub async fn open(
        &self,
        media: &MediaStore,
        folder: &str,
        segments: usize,
    ) -> Result<Arc<Download>, DownloadError> {
        let slot = self.slot(folder);
        let opened = slot.get_or_try_init(async || {
            // Never closed, and a permit that is missing would only mean less patience.
            let permit = self.at_work.acquire().await;
            let file = Download::read(media.clone(), folder.to_owned(), segments).await;
            drop(permit);
            file.map(Arc::new)
        });
        let opened = Arc::clone(opened.await?);
        self.forget_surplus();
        Ok(opened)
    }

    fn slot(&self, folder: &str) -> Slot {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().position(|(known, _)| known == folder);
        let entry = known
            .and_then(|place| kept.remove(place))
            .unwrap_or_else(|| (folder.to_owned(), Slot::default()));
        let slot = Arc::clone(&entry.1);
        kept.push_front(entry);
        kept.truncate(KEPT);
        slot
    }

    fn forget_surplus(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = 0;
        kept.retain(|(_, slot)| {
            bytes += slot.get().map_or(0, |file| file.head.len());
            bytes <= KEPT_BYTES
        });
    }
}
