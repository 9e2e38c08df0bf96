//! What a source is: typed facts, or a typed rejection. The extension is never trusted, nor the header's duration.

mod packets;
mod streams;

use std::path::Path;

use clipper_domain::source::{AudioFacts, Rejection, RejectionCode, SourceFacts};

use super::Tools;
use super::arguments::input_limits;
use super::ffmpeg::{self, FfmpegError};
use packets::Packets;
use streams::{Listing, Stream};

/// Why there are no facts about a source.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The source cannot be used.
    #[error("the source is rejected: {}", .0.detail)]
    Rejected(Rejection),
    /// The probe itself failed.
    #[error(transparent)]
    Failed(#[from] FfmpegError),
}

/// A source that lacks more than this share of its stated duration was cut off.
const TRUNCATED_BELOW: f64 = 0.9;

pub(super) async fn probe(tools: &Tools, source: &Path) -> Result<SourceFacts, ProbeError> {
    let listing = list(tools, source).await?;
    let (video, audio) = choose(tools, &listing)?;
    let packets = scan(tools, source, video.index).await?;
    let duration_ms = duration(tools, &listing, video, &packets)?;
    let coded = (video.width.unwrap_or_default(), video.height.unwrap_or_default());
    Ok(SourceFacts {
        container: listing.format.name.clone(),
        video_stream: video.index,
        video_codec: video.codec_name.clone().unwrap_or_default(),
        coded_width: coded.0,
        coded_height: coded.1,
        sample_aspect: video.sample_aspect(),
        quarter_turned: video.quarter_turned(),
        frame_rate: packets.frame_rate(video.stated_rate()),
        duration_ms,
        interlaced: video.interlaced(),
        pixel_format: video.pix_fmt.clone().unwrap_or_default(),
        transfer: video.color_transfer.clone(),
        audio: audio.map(|audio| AudioFacts {
            stream: audio.index,
            codec: audio.codec_name.clone().unwrap_or_default(),
            channels: audio.channels.unwrap_or_default(),
            sample_rate: audio.sample_rate(),
        }),
        bitrate: listing.bitrate(),
    })
}

/// Decodes the first packets (an edit list may cut away the very first), to tell a header that merely promises
/// pictures from a video.
pub(super) async fn decodes(tools: &Tools, source: &Path, stream: u32) -> Result<bool, FfmpegError> {
    let mut arguments = words("-v error -of csv=p=0 -read_intervals %+#24 -show_entries frame=width");
    arguments.extend(input_limits(tools));
    arguments.extend([
        "-select_streams".to_owned(),
        stream.to_string(),
        source.display().to_string(),
    ]);
    match ffmpeg::ffprobe(tools, source, &arguments).await {
        Ok(output) => Ok(!output.trim_ascii().is_empty()),
        Err(FfmpegError::Failed { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn list(tools: &Tools, source: &Path) -> Result<Listing, ProbeError> {
    let mut arguments = words("-v error -of json -show_format -show_streams");
    arguments.extend(input_limits(tools));
    arguments.push(source.display().to_string());
    match ffmpeg::ffprobe(tools, source, &arguments).await {
        Ok(output) => Listing::read(&output).ok_or_else(not_a_video),
        // Its own fault it says with an exit code; a signal means that the machine, or our limits, ended it.
        Err(FfmpegError::Failed {
            code: Some(_),
            stderr,
        }) => Err(unopened(tools, &stderr)),
        Err(error) => Err(error.into()),
    }
}

fn unopened(tools: &Tools, stderr: &str) -> ProbeError {
    if stderr.contains("exceeds specified max pixel count") {
        too_many_pixels(tools)
    } else if stderr.contains("moov atom not found") {
        rejected(
            RejectionCode::Truncated,
            "The file breaks off before its index. Was the upload or export complete?",
        )
    } else {
        not_a_video()
    }
}

fn not_a_video() -> ProbeError {
    rejected(
        RejectionCode::NotAVideo,
        "This is not a video file that Clipper knows (MP4, MOV, WebM, MKV, AVI, TS, …).",
    )
}

fn too_many_pixels(tools: &Tools) -> ProbeError {
    let detail = format!(
        "The picture is larger than {} million pixels.",
        tools.max_pixels / 1_000_000
    );
    rejected(RejectionCode::TooManyPixels, &detail)
}

fn rejected(code: RejectionCode, detail: &str) -> ProbeError {
    ProbeError::Rejected(Rejection {
        code,
        detail: detail.to_owned(),
    })
}

/// The streams to use: the first moving picture, and the first sound that there is a decoder for.
fn choose<'a>(tools: &Tools, listing: &'a Listing) -> Result<(&'a Stream, Option<&'a Stream>), ProbeError> {
    let video = listing
        .streams
        .iter()
        .find(|stream| stream.is_moving_picture())
        .ok_or_else(|| {
            rejected(
                RejectionCode::NoVideoStream,
                "The file holds no moving picture, only sound or a still image.",
            )
        })?;
    if video.codec_name.as_deref().is_none_or(|codec| codec == "unknown") {
        return Err(rejected(
            RejectionCode::UnsupportedCodec,
            "The video's codec is not supported.",
        ));
    }
    match (video.width, video.height) {
        (Some(width @ 1..), Some(height @ 1..))
            if u64::from(width) * u64::from(height) <= tools.max_pixels => {}
        (Some(1..), Some(1..)) => {
            return Err(too_many_pixels(tools));
        }
        _ => {
            return Err(rejected(
                RejectionCode::Undecodable,
                "The picture has no size. The file may be damaged.",
            ));
        }
    }
    let audio = listing.streams.iter().find(|stream| stream.is_sound());
    Ok((video, audio))
}

async fn scan(tools: &Tools, source: &Path, stream: u32) -> Result<Packets, ProbeError> {
    let mut arguments = words("-v error -of csv=p=0 -show_entries packet=pts_time,duration_time,flags");
    arguments.extend(input_limits(tools));
    arguments.extend([
        "-select_streams".to_owned(),
        stream.to_string(),
        source.display().to_string(),
    ]);
    let mut packets = Packets::default();
    ffmpeg::ffprobe_lines(tools, source, &arguments, |line| packets.take(line)).await?;
    if packets.frames() == 0 || !decodes(tools, source, stream).await? {
        return Err(rejected(
            RejectionCode::Undecodable,
            "No picture of the video can be decoded. Is it whole?",
        ));
    }
    Ok(packets)
}

/// The duration from packets, checked against the limit and against what the header promises.
fn duration(tools: &Tools, listing: &Listing, video: &Stream, packets: &Packets) -> Result<u64, ProbeError> {
    let found = packets.seconds(video.stated_rate());
    let stated = video.seconds().or(listing.seconds());
    if let Some(stated) = stated
        && found < stated * TRUNCATED_BELOW - 1.0
    {
        let detail =
            format!("The file ends after {found:.1} of {stated:.1} seconds. Was the upload complete?");
        return Err(rejected(RejectionCode::Truncated, &detail));
    }
    #[expect(clippy::cast_precision_loss, reason = "a limit in seconds")]
    if found > tools.max_seconds as f64 {
        let detail = format!("The video is longer than {} minutes.", tools.max_seconds / 60);
        return Err(rejected(RejectionCode::TooLong, &detail));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive and under the limit above"
    )]
    Ok((found * 1_000.0).round().max(1.0) as u64)
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
