//! What of the sandbox around ffmpeg this machine lacks, said once at the start.

use anyhow::{Context, bail};

use crate::encode::{self, Tools};
use crate::sandbox::Mode;

/// Warns of what is missing; an error, where the sandbox is required.
pub(super) async fn checked(tools: Tools) -> anyhow::Result<Tools> {
    if tools.sandbox == Mode::Off {
        tracing::warn!(
            "`encode.sandbox` is off: ffmpeg reads uploads with every right that this process has"
        );
        return Ok(tools);
    }
    let report = encode::examine(&tools)
        .await
        .context("cannot find out which sandbox this machine offers")?;
    for layer in report.missing() {
        if !layer.name.is_essential() {
            tracing::info!(%layer, "a layer of the sandbox around ffmpeg is missing, which others stand in for");
        } else if tools.sandbox == Mode::Required {
            bail!("`encode.sandbox` is `required`, and this machine lacks a layer: {layer}");
        } else {
            tracing::warn!(%layer, "a layer of the sandbox around ffmpeg is missing: `clipper doctor` says more");
        }
    }
    Ok(tools)
}
