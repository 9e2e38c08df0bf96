//! What a source is: typed facts, or a typed rejection. The extension is never trusted, nor the header's duration.

mod packets;
mod reach;
mod sniff;
mod streams;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clipper_domain::source::{AudioFacts, Rejection, RejectionCode, SourceFacts};

use super::Tools;
use super::arguments::input_limits;
use super::ffmpeg::{self, FfmpegError};
use packets::Packets;
pub(super) use reach::reach;
use streams::{Listing, Stream};
use tokio::io::AsyncReadExt;

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

/// Finds out what a source is.
pub async fn probe(tools: &Tools, source: &Path) -> Result<SourceFacts, ProbeError> {
    // Beside each other: the program takes longer to start than to look.
    let (listing, packets, decoded) = tokio::join!(
        list(tools, source),
        scan(tools, source),
        decodes(tools, source, FIRST)
    );
    let listing = listing?;
    let (video, audio) = choose(tools, &listing)?;
    let (mut scanned, mut decoded) = (packets?, decoded?);
    let mut packets = scanned.videos.remove(&video.index).unwrap_or_default();
    if !decoded.contains(&video.index) {
        let which = if packets.edited() { CUT_AWAY } else { KEY_FRAMES };
        decoded = decodes(tools, source, which).await?;
    }
    if packets.frames() == 0 || !decoded.contains(&video.index) {
        return Err(rejected(
            RejectionCode::Undecodable,
            "No picture of the video can be decoded. Is it whole?",
        ));
    }
    packets.sort();
    whole(&listing, video, &packets, scanned.end)?;
    let duration_ms = duration(tools, video, &packets)?;
    Ok(facts(&listing, video, audio, &packets, duration_ms))
}

/// When a source begins by its own clock, in seconds. Of the clocks of transport streams and the like, ffmpeg takes the
/// beginning of whatever it is told to read: sound that is read without the picture would lose its distance to it.
pub async fn beginning(tools: &Tools, source: &Path, facts: &SourceFacts) -> Result<f64, FfmpegError> {
    if facts.seekable() {
        return Ok(0.0);
    }
    let mut arguments = words("-v error -of csv=p=0 -show_entries format=start_time");
    arguments.extend(input_limits(tools));
    arguments.push(source.display().to_string());
    let printed = ffmpeg::ffprobe(tools, source, &arguments).await?;
    Ok(String::from_utf8_lossy(&printed)
        .trim()
        .parse()
        .unwrap_or_default())
}

fn facts(
    listing: &Listing,
    video: &Stream,
    audio: Option<&Stream>,
    packets: &Packets,
    duration_ms: u64,
) -> SourceFacts {
    let frame_rate = packets.frame_rate(video.stated_rate());
    let seconds = std::time::Duration::from_millis(duration_ms).as_secs_f64();
    let codec = video.codec_name.clone().unwrap_or_default();
    // Nothing else is ever copied, and long lists belong to long clips.
    let key_frames = if codec == "h264" {
        packets.key_frames()
    } else {
        vec![]
    };
    SourceFacts {
        container: listing.format.name.clone(),
        video_stream: video.index,
        coded_width: video.width.unwrap_or_default(),
        coded_height: video.height.unwrap_or_default(),
        sample_aspect: video.sample_aspect(),
        rotation: video.rotation(),
        mirrored: video.mirrored(),
        frame_rate,
        variable_rate: packets.variable(frame_rate),
        frames: packets.frames(),
        key_frames,
        duration_ms,
        start_ms: milliseconds(packets.first() - listing.start()),
        edited: packets.edited(),
        interlaced: video.interlaced(),
        pixel_format: video.pix_fmt.clone().unwrap_or_default(),
        bit_depth: video.bit_depth(),
        full_range: video.full_range(),
        transfer: video.color_transfer.clone(),
        primaries: video.color_primaries.clone(),
        audio: audio.map(|audio| AudioFacts {
            stream: audio.index,
            codec: audio.codec_name.clone().unwrap_or_default(),
            channels: audio.channels.unwrap_or_default(),
            sample_rate: audio.sample_rate(),
            bitrate: audio.bitrate(),
        }),
        audio_tracks: u32::try_from(listing.sounds().count()).unwrap_or(u32::MAX),
        bitrate: listing.bitrate(),
        video_bitrate: packets.bitrate(seconds),
        peak_bitrate: packets.peak_bitrate(seconds),
        video_codec: codec,
    }
}

/// Which packets are decoded to see whether they make pictures.
const FIRST: &str = "-read_intervals %+#24";
/// Which, where a recording begins between two key frames.
const KEY_FRAMES: &str = "-read_intervals %+#1000 -skip_frame nokey";
/// Which, where an edit list cuts away all pictures from a key frame up to the trimmed beginning.
const CUT_AWAY: &str = "-read_intervals %+#24 -ignore_editlist 1";

/// Decodes packets of each video stream, to tell a header that merely promises pictures from a video. Gives the streams
/// that do decode.
async fn decodes(tools: &Tools, source: &Path, which: &str) -> Result<BTreeSet<u32>, ProbeError> {
    let mut arguments = words("-v error -of csv=p=0 -show_entries frame=stream_index,width");
    arguments.extend(words(which));
    arguments.extend(input_limits(tools));
    arguments.extend(words("-select_streams v"));
    arguments.push(source.display().to_string());
    match ffmpeg::ffprobe(tools, source, &arguments).await {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output);
            let index = |line: &str| line.split(',').next()?.parse().ok();
            Ok(text.lines().filter_map(index).collect())
        }
        Err(FfmpegError::Failed { .. }) => Ok(BTreeSet::new()),
        Err(error) => Err(error.into()),
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
        }) => Err(unopened(tools, source, &stderr).await),
        Err(error) => Err(error.into()),
    }
}

async fn unopened(tools: &Tools, source: &Path, stderr: &str) -> ProbeError {
    if let Some((code, detail)) = sniff::name(&head(source).await) {
        return rejected(code, &detail);
    }
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

/// How the file begins.
async fn head(source: &Path) -> Vec<u8> {
    let mut head = vec![];
    if let Ok(file) = tokio::fs::File::open(source).await
        && let Err(error) = file.take(16).read_to_end(&mut head).await
    {
        tracing::debug!(%error, "the beginning of a source cannot be read");
    }
    head
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
        .ok_or_else(|| no_video(listing))?;
    if video.encrypted() {
        return Err(rejected(
            RejectionCode::Encrypted,
            "The video is encrypted. Upload it without copy protection.",
        ));
    }
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
    Ok((video, listing.sounds().next()))
}

fn no_video(listing: &Listing) -> ProbeError {
    let detail = if listing.sounds().next().is_some() {
        "The file holds only sound, no moving picture."
    } else {
        "The file holds no moving picture."
    };
    rejected(RejectionCode::NoVideoStream, detail)
}

/// What a walk over all packets of a file found.
#[derive(Default)]
struct Scanned {
    /// By the index of the stream.
    videos: BTreeMap<u32, Packets>,
    /// When the last packet of any stream ends, in seconds by the file's own clock.
    end: f64,
}

impl Scanned {
    /// Takes a line of ffprobe's CSV: `codec_type,stream_index,pts_time,duration_time,size,flags`. A packet that carries
    /// side data is followed by an empty line.
    fn take(&mut self, line: &str) {
        let mut fields = line.split(',');
        let (kind, index) = (fields.next(), fields.next().and_then(|index| index.parse().ok()));
        let Some(index) = index else { return };
        let mut times = fields
            .clone()
            .map(|field| field.parse::<f64>().unwrap_or_default());
        let end = times.next().unwrap_or_default() + times.next().unwrap_or_default();
        self.end = self.end.max(end);
        if kind == Some("video") {
            self.videos.entry(index).or_default().take(fields);
        }
    }
}

async fn scan(tools: &Tools, source: &Path) -> Result<Scanned, ProbeError> {
    let mut arguments = words(
        "-v error -of csv=p=0 -show_entries packet=codec_type,stream_index,pts_time,duration_time,size,flags",
    );
    arguments.extend(input_limits(tools));
    arguments.push(source.display().to_string());
    let mut scanned = Scanned::default();
    match ffmpeg::ffprobe_lines(tools, source, &arguments, |line| scanned.take(line)).await {
        // What does not open is named by the listing.
        Ok(()) | Err(FfmpegError::Failed { code: Some(_), .. }) => Ok(scanned),
        Err(error) => Err(error.into()),
    }
}

/// Checks what is there against what the header promises. Only some containers promise it of each stream; in the others,
/// whatever lasts longest fulfils the promise.
fn whole(listing: &Listing, video: &Stream, packets: &Packets, end: f64) -> Result<(), ProbeError> {
    let (found, stated) = match video.seconds() {
        Some(stated) => (packets.seconds(video.stated_rate()), stated),
        None => (end - listing.start(), listing.seconds().unwrap_or_default()),
    };
    if found < stated * TRUNCATED_BELOW - 1.0 {
        let detail =
            format!("The file ends after {found:.1} of {stated:.1} seconds. Was the upload complete?");
        return Err(rejected(RejectionCode::Truncated, &detail));
    }
    Ok(())
}

/// The duration from packets, checked against the limit.
fn duration(tools: &Tools, video: &Stream, packets: &Packets) -> Result<u64, ProbeError> {
    let found = packets.seconds(video.stated_rate());
    #[expect(clippy::cast_precision_loss, reason = "a limit in seconds")]
    if found > tools.max_seconds as f64 {
        let detail = format!("The video is longer than {} minutes.", tools.max_seconds / 60);
        return Err(rejected(RejectionCode::TooLong, &detail));
    }
    Ok(milliseconds(found).max(1))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and pinned where it is too large"
)]
fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1_000.0).round().max(0.0) as u64
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
