//! The clips: real footage as it comes, the same as a recorder that keeps to the rules would have written it, and both
//! as long clips.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::guide::ffmpeg;
use super::real::real;

/// A clip to be encoded.
pub(crate) struct Clip {
    /// For people.
    pub(crate) name: &'static str,
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// Frames per second.
    pub(crate) frame_rate: u32,
}

/// All clips.
pub(crate) struct Footage {
    /// Key frames up to ten seconds apart: no rung can be a copy.
    pub(crate) encoded: Clip,
    /// Key frames every two seconds: the 1080p rung is a copy.
    pub(crate) compliant: Clip,
    /// Six minutes of the first.
    pub(crate) long: Clip,
    /// Six minutes of the second.
    pub(crate) long_compliant: Clip,
}

impl Footage {
    pub(crate) fn prepare(folder: &Path) -> anyhow::Result<Self> {
        let source = real()?;
        let clip = |name, file: &str| Clip {
            name,
            path: folder.join(file),
            frame_rate: 24,
        };
        let compliant = clip("30 s, 1080p24, fits", "compliant.mp4");
        ffmpeg(&[
            "-i",
            text(&source)?,
            "-c:v",
            "libx264",
            "-preset",
            "medium",
            "-b:v",
            "8M",
            "-maxrate",
            "9M",
            "-bufsize",
            "9M",
            "-g",
            "48",
            "-sc_threshold",
            "0",
            "-c:a",
            "copy",
            text(&compliant.path)?,
        ])?;
        let long = clip("6 min, 1080p24, to be encoded", "long.mp4");
        let long_compliant = clip("6 min, 1080p24, fits", "long-compliant.mp4");
        for (short, long) in [(&source, &long.path), (&compliant.path, &long_compliant.path)] {
            // Each stream on its own: repeated together, the shorter one would pause at every turn.
            let (short, long) = (text(short)?, text(long)?);
            let pictures = ["-stream_loop", "11", "-an", "-i", short];
            let sound = ["-stream_loop", "11", "-vn", "-i", short];
            let both = ["-map", "0:v", "-map", "1:a", "-c", "copy", long];
            ffmpeg(&[&pictures[..], &sound, &both].concat())?;
        }
        Ok(Self {
            encoded: Clip {
                name: "30 s, 1080p24, to be encoded",
                path: source,
                frame_rate: 24,
            },
            compliant,
            long,
            long_compliant,
        })
    }
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path is not text")
}
