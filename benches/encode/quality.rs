//! How good the pictures are: VMAF of each rung, scaled to 1080p, where there is an ffmpeg that can measure it.

#![expect(
    clippy::disallowed_methods,
    reason = "the yardstick is other people's programs"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use super::{guide, product};
use crate::{row, say};

const RUNGS: [&str; 3] = ["480p", "720p", "1080p"];

/// Prints the VMAF of both, rung by rung.
pub(crate) fn compare(source: &Path, ours: &product::Made, guides: &guide::Made) -> anyhow::Result<()> {
    let Some(measurer) = measurer() else {
        return say("VMAF: not measured; CLIPPER_TEST_VMAF names an ffmpeg with libvmaf");
    };
    for rung in RUNGS {
        let our = vmaf(
            &measurer,
            source,
            &ours.renditions.join(rung).join("playlist.m3u8"),
        )?;
        let guide = vmaf(
            &measurer,
            source,
            &guides.folder.path().join(format!("{rung}.m3u8")),
        )?;
        say(&row(
            &format!("VMAF of {rung}"),
            &[our, guide, our - guide].map(|score| format!("{score:.2}")),
        ))?;
    }
    Ok(())
}

fn measurer() -> Option<PathBuf> {
    std::env::var_os("CLIPPER_TEST_VMAF").map(PathBuf::from)
}

fn vmaf(measurer: &Path, source: &Path, rendition: &Path) -> anyhow::Result<f64> {
    let graph = "[0:v]setpts=PTS-STARTPTS,scale=1920:1080:flags=bicubic[a];[1:v]setpts=PTS-STARTPTS[b];\
                 [a][b]libvmaf=n_threads=2:n_subsample=3";
    let output = Command::new(measurer)
        .args([
            "-nostdin",
            "-hide_banner",
            "-nostats",
            "-allowed_extensions",
            "ALL",
            "-i",
        ])
        .arg(rendition)
        .arg("-i")
        .arg(source)
        .args(["-lavfi", graph, "-f", "null", "-"])
        .output()
        .context("cannot start the ffmpeg with libvmaf")?;
    let report = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{report}");
    let (_, score) = report.rsplit_once("VMAF score: ").context("no VMAF score")?;
    let word = score.split_whitespace().next().unwrap_or_default();
    word.parse().context("the VMAF score is no number")
}
