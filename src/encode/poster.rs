//! A poster that somebody chose: a moment of a rendition, or a picture that was handed in.

use std::io;
use std::path::{Path, PathBuf};

use super::thumbnails::{POSTER, Rendition};
use super::{FfmpegError, Tools, arguments, ffmpeg};
use crate::hls::{Container, SegmentNames};

/// What ffmpeg is given to read.
const INPUT: &str = "poster-input";
/// Before the end of a segment by this much, there is a picture.
const LAST_PICTURE: u64 = 90_000 / 20;

/// A picture that can stand for a clip, as JPEG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadePoster {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// Why there is no poster.
#[derive(Debug, thiserror::Error)]
pub enum PosterError {
    /// What was handed in is none of the kinds of pictures that are known.
    #[error("the picture is no JPEG, PNG or WebP")]
    UnknownKind,
    /// The picture cannot be decoded, or is too large.
    #[error("the picture cannot be read: {0}")]
    Unreadable(FfmpegError),
    /// The moment lies outside of what is stored.
    #[error("nothing is shown then")]
    NoSuchMoment,
    /// The disk failed.
    #[error("the picture cannot be stored")]
    Disk(#[from] io::Error),
    /// ffmpeg failed through no fault of the picture.
    #[error(transparent)]
    Ffmpeg(FfmpegError),
}

/// The demuxer for a picture, judged by how it begins.
fn demuxer(head: &[u8]) -> Option<&'static str> {
    if head.starts_with(b"\xff\xd8\xff") {
        Some("jpeg_pipe")
    } else if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("png_pipe")
    } else if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
        Some("webp_pipe")
    } else {
        None
    }
}

/// Makes a poster of a picture that was handed in.
pub async fn poster_of_picture(
    tools: &Tools,
    work: &Path,
    picture: &[u8],
) -> Result<MadePoster, PosterError> {
    let demuxer = demuxer(picture).ok_or(PosterError::UnknownKind)?;
    let input = work.join(INPUT);
    tokio::fs::write(&input, picture).await?;
    let command = arguments::poster_of_picture(tools, demuxer, &input, POSTER);
    run(tools, work, &input, &command).await
}

/// Makes a poster of the picture that a rendition shows at a time, in ticks after its beginning.
pub async fn poster_of_moment(
    tools: &Tools,
    work: &Path,
    rendition: &Rendition,
    at_90k: u64,
) -> Result<MadePoster, PosterError> {
    let (number, offset) = rendition.segment_at(at_90k).ok_or(PosterError::NoSuchMoment)?;
    let played = rendition.segments.get(number);
    let duration = played.map_or(0, |segment| u64::from(segment.duration_90k));
    let input = segment(rendition, number, work).await?;
    let offset = offset.min(duration.saturating_sub(LAST_PICTURE));
    let command = arguments::poster_of_moment(tools, &input, offset, POSTER);
    run(tools, work, &input, &command).await
}

/// A segment as a file that plays by itself.
async fn segment(rendition: &Rendition, number: usize, work: &Path) -> io::Result<PathBuf> {
    let name = SegmentNames::Tree.segment(number, rendition.container);
    let mut bytes = match rendition.container {
        Container::Ts => vec![],
        Container::Fmp4 => tokio::fs::read(rendition.folder.join("init.mp4")).await?,
    };
    bytes.extend(tokio::fs::read(rendition.folder.join(name)).await?);
    let input = work.join(INPUT);
    tokio::fs::write(&input, bytes).await?;
    Ok(input)
}

async fn run(
    tools: &Tools,
    work: &Path,
    input: &Path,
    command: &[String],
) -> Result<MadePoster, PosterError> {
    let sandbox = tools.writing(input, work, 1_000);
    let made = ffmpeg::transcode(tools, &sandbox, command, |_| {}).await;
    made.map_err(|error| match error {
        FfmpegError::Failed { .. } | FfmpegError::Exceeded(_) => PosterError::Unreadable(error),
        FfmpegError::Start { .. }
        | FfmpegError::Stalled { .. }
        | FfmpegError::Sandbox(_)
        | FfmpegError::Undescribed(_)
        | FfmpegError::Io(_) => PosterError::Ffmpeg(error),
    })?;
    let bytes = match tokio::fs::read(work.join(POSTER)).await {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(PosterError::NoSuchMoment),
        Err(error) => return Err(error.into()),
    };
    let (width, height) = jpeg_size(&bytes).ok_or(PosterError::NoSuchMoment)?;
    Ok(MadePoster { bytes, width, height })
}

/// Width and height of a JPEG: what its frame header says (ITU-T T.81, B.2.2).
fn jpeg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut rest = bytes.strip_prefix(b"\xff\xd8")?;
    loop {
        let (marker, body) = (rest.get(..2)?, rest.get(2..)?);
        let length = usize::from(u16::from_be_bytes(body.get(..2)?.try_into().ok()?));
        let &[0xff, kind] = marker else { return None };
        // Every start of a frame but those that define tables.
        if matches!(kind, 0xc0..=0xcf) && !matches!(kind, 0xc4 | 0xc8 | 0xcc) {
            let number = |at: usize| {
                let bytes = body.get(at..at + 2)?.try_into().ok()?;
                Some(u32::from(u16::from_be_bytes(bytes)))
            };
            return Some((number(5)?, number(3)?));
        }
        rest = body.get(length..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_known_by_how_they_begin() {
        assert_eq!(demuxer(b"\xff\xd8\xff\xe0"), Some("jpeg_pipe"));
        assert_eq!(demuxer(b"\x89PNG\r\n\x1a\n"), Some("png_pipe"));
        assert_eq!(demuxer(b"RIFF\0\0\0\0WEBPVP8 "), Some("webp_pipe"));
        assert_eq!(demuxer(b"RIFF\0\0\0\0WAVEfmt "), None);
        assert_eq!(demuxer(b"<svg"), None);
        assert_eq!(demuxer(b""), None);
    }

    #[test]
    fn the_size_of_a_jpeg_is_in_its_frame_header() {
        let picture = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc4\x00\x03x\xff\xc0\x00\x11\x08\x01\x68\x02\x80\x03";
        assert_eq!(jpeg_size(picture), Some((640, 360)));
        assert_eq!(jpeg_size(b"\xff\xd8\xff\xe0\x00\x04ab"), None);
        assert_eq!(jpeg_size(b"\x89PNG"), None);
    }
}
