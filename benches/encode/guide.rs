//! The yardstick: the guide's three commands, one ffmpeg per rung, one after the other.

#![expect(
    clippy::disallowed_methods,
    reason = "the yardstick is other people's programs"
)]

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use super::meter::{Meter, Turn, megabytes};

/// The guide's rungs: box, profile, bit rate, maximum and buffer in kbit/s, audio in kbit/s.
const RUNGS: [(&str, &str, &str, [u32; 3], u32); 3] = [
    ("480p", "854:480", "main", [2_000, 2_200, 4_000], 128),
    ("720p", "1280:720", "high", [5_000, 5_500, 10_000], 192),
    ("1080p", "1920:1080", "high", [10_000, 11_000, 20_000], 256),
];

/// What the yardstick made, kept for a comparison of quality.
pub(crate) struct Made {
    pub(crate) turn: Turn,
    pub(crate) folder: tempfile::TempDir,
}

/// Encodes at the source's own rate: the guide forces 30 frames per second, which would compare other pictures.
pub(crate) async fn encode(source: &Path, frame_rate: u32) -> anyhow::Result<Made> {
    let folder = tempfile::tempdir()?;
    let meter = Meter::start()?;
    for (name, size, profile, [rate, max, buffer], audio) in RUNGS {
        let encoding = format!(
            "-vf scale={size} -c:v libx264 -preset medium -profile:v {profile} -b:v {rate}k -maxrate {max}k \
             -bufsize {buffer}k -r {frame_rate} -g {} -c:a aac -b:a {audio}k -f hls -hls_time 10 \
             -hls_playlist_type vod -hls_segment_filename {name}-%03d.ts {name}.m3u8",
            2 * frame_rate
        );
        run(source, &encoding, folder.path()).await?;
    }
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder.path())? {
        bytes += entry?.metadata()?.len();
    }
    let turn = Turn {
        wall: meter.wall(),
        cpu: meter.cpu()?,
        megabytes: megabytes(bytes),
        ..Turn::default()
    };
    Ok(Made { turn, folder })
}

/// As polite as Clipper's own processes, so that neither gains from the other's manners.
async fn run(source: &Path, encoding: &str, folder: &Path) -> anyhow::Result<()> {
    let status = tokio::process::Command::new("nice")
        .args([
            "-n",
            "5",
            "ffmpeg",
            "-nostdin",
            "-hide_banner",
            "-loglevel",
            "error",
            "-y",
            "-i",
        ])
        .arg(source)
        .args(encoding.split_whitespace())
        .current_dir(folder)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .context("cannot start ffmpeg")?;
    ensure!(status.success(), "ffmpeg ended with {status}");
    Ok(())
}

/// Runs ffmpeg to prepare something.
pub(crate) fn ffmpeg(arguments: &[&str]) -> anyhow::Result<()> {
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-y"])
        .args(arguments)
        .status()
        .context("cannot start ffmpeg")?;
    ensure!(status.success(), "ffmpeg {arguments:?} ended with {status}");
    Ok(())
}
