//! Still pictures of a finished clip: a poster, and sheets of small pictures to scrub by. Only key frames are read, and
//! of the stored segments no other bytes.

mod choose;
mod storyboard;

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use clipper_domain::{Poster, Segment, Thumbnails};

use super::{FfmpegError, Tools, arguments, ffmpeg};
use crate::hls::{Container, SegmentNames};
use choose::Grey;
pub(super) use storyboard::Layout;

/// The file of the poster in its folder.
pub const POSTER: &str = "poster.jpg";
/// The file that says which picture of which sheet is shown when.
pub const STORYBOARD: &str = "storyboard.vtt";
/// What ffmpeg is given to read, and where it leaves small grey pictures.
const KEY_FRAMES: &str = "key-frames";
const GREY: &str = "grey.raw";

/// A rendition as it lies in the store.
#[derive(Clone, Debug)]
pub struct Rendition {
    /// The folder on disk.
    pub folder: PathBuf,
    /// Of all segments.
    pub container: Container,
    /// In order.
    pub segments: Vec<Segment>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// What lies in the work folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeThumbnails {
    /// What it is.
    pub thumbnails: Thumbnails,
    /// The pictures, by the names that they keep.
    pub files: Vec<String>,
    /// [`STORYBOARD`], with addresses relative to it.
    pub storyboard: String,
}

/// Why there are no still pictures.
#[derive(Debug, thiserror::Error)]
pub enum ThumbnailError {
    /// The segments' events do not say where key frames lie.
    #[error("no key frame is known")]
    NoKeyFrame,
    /// The key frames cannot be read, or the pictures not written.
    #[error("the key frames cannot be read")]
    Disk(#[from] io::Error),
    /// ffmpeg failed.
    #[error(transparent)]
    Ffmpeg(#[from] FfmpegError),
    /// Some key frames could not be decoded.
    #[error("{found} of {expected} key frames became pictures")]
    Undecoded {
        /// Those that could.
        found: usize,
        /// All of them.
        expected: usize,
    },
    /// Whoever was reading has gone.
    #[error("the reading was abandoned")]
    Abandoned,
}

/// A key frame in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    segment: usize,
    offset: u64,
    length: u64,
    /// In ticks after the clip's beginning.
    at_90k: u64,
}

impl Rendition {
    /// The segment that is played at a time, in ticks after the beginning, and how far into it that is.
    pub fn segment_at(&self, at_90k: u64) -> Option<(usize, u64)> {
        let mut left = at_90k;
        for (number, segment) in self.segments.iter().enumerate() {
            let duration = u64::from(segment.duration_90k);
            if left < duration {
                return Some((number, left));
            }
            left -= duration;
        }
        None
    }

    fn duration_90k(&self) -> u64 {
        self.segments
            .iter()
            .map(|segment| u64::from(segment.duration_90k))
            .sum()
    }

    /// Every key frame with the bytes that a decoder needs of it.
    fn keys(&self) -> Vec<Key> {
        let mut keys = vec![];
        let mut start = 0;
        for (number, segment) in self.segments.iter().enumerate() {
            let nexts = segment.key_frames.iter().skip(1).map(|next| next.offset);
            let ends = nexts.chain([segment.bytes]);
            keys.extend(segment.key_frames.iter().zip(ends).map(|(key, end)| Key {
                segment: number,
                offset: key.offset,
                length: match self.container {
                    Container::Ts => key.length,
                    // A fragment is read whole or not at all.
                    Container::Fmp4 => end.saturating_sub(key.offset),
                },
                at_90k: start + u64::from(key.at_90k),
            }));
            start += u64::from(segment.duration_90k);
        }
        keys
    }

    /// Copies the bytes of key frames into one file, which then plays as they would, one after the other.
    fn gather(&self, keys: &[Key], target: &Path) -> io::Result<()> {
        let mut gathered = File::create(target)?;
        match self.container {
            Container::Ts => {}
            Container::Fmp4 => gathered.write_all(&std::fs::read(self.folder.join("init.mp4"))?)?,
        }
        for key in keys {
            let name = SegmentNames::Tree.segment(key.segment, self.container);
            let mut bytes = vec![0; usize::try_from(key.length).map_err(io::Error::other)?];
            File::open(self.folder.join(name))?.read_exact_at(&mut bytes, key.offset)?;
            gathered.write_all(&bytes)?;
        }
        Ok(())
    }
}

/// Makes all still pictures in the work folder: the small ones from a small rendition, the poster from a large one.
pub async fn thumbnails(
    tools: &Tools,
    work: &Path,
    small: &Rendition,
    large: &Rendition,
) -> Result<MadeThumbnails, ThumbnailError> {
    let duration = small.duration_90k();
    let keys = storyboard::thinned_out(small.keys(), duration);
    let layout = Layout::of(keys.len(), small.width, small.height).ok_or(ThumbnailError::NoKeyFrame)?;
    let input = gathered(small, keys.clone(), work).await?;
    let sandbox = tools.writing(&input, work, duration / 90);
    let command = arguments::storyboard(tools, &input, &layout, GREY);
    ffmpeg::transcode(tools, &sandbox, &command, |_| {}).await?;

    let grey = tokio::fs::read(work.join(GREY)).await?;
    let pictures: Vec<Grey<'_>> = Grey::all(&grey, layout.tile_width as usize, layout.tile_height as usize);
    if pictures.len() != keys.len() {
        return Err(ThumbnailError::Undecoded {
            found: pictures.len(),
            expected: keys.len(),
        });
    }
    let shown: Vec<_> = keys.iter().map(|key| key.at_90k).collect();
    let chosen = choose::poster(&pictures, &shown, duration);
    let poster = poster(tools, work, large, chosen).await?;
    let sheets = (0..layout.sheets()).map(storyboard::sheet);
    Ok(MadeThumbnails {
        files: sheets.chain([POSTER.to_owned()]).collect(),
        storyboard: layout.render(&shown, duration),
        thumbnails: Thumbnails {
            poster,
            storyboard: layout.facts(),
        },
    })
}

/// Makes the poster of the key frame that is shown at this time.
async fn poster(tools: &Tools, work: &Path, large: &Rendition, at: u64) -> Result<Poster, ThumbnailError> {
    let keys = large.keys();
    // The key frames of all rungs coincide.
    let key = keys.iter().rev().find(|key| key.at_90k <= at).or(keys.first());
    let key = *key.ok_or(ThumbnailError::NoKeyFrame)?;
    let input = gathered(large, vec![key], work).await?;
    let sandbox = tools.writing(&input, work, 1_000);
    let command = arguments::poster(tools, &input, POSTER);
    ffmpeg::transcode(tools, &sandbox, &command, |_| {}).await?;
    Ok(Poster {
        width: large.width,
        height: large.height,
        at_90k: key.at_90k,
    })
}

async fn gathered(rendition: &Rendition, keys: Vec<Key>, work: &Path) -> Result<PathBuf, ThumbnailError> {
    let (rendition, target) = (rendition.clone(), work.join(KEY_FRAMES));
    let gather = tokio::task::spawn_blocking(move || {
        rendition.gather(&keys, &target)?;
        Ok(target)
    });
    gather.await.map_err(|_panicked| ThumbnailError::Abandoned)?
}
