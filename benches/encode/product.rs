//! Clipper at work: a clip is uploaded, and its state is asked for until the end.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::cpu::{Of, cpu};
use super::meter::{Turn, megabytes};
use super::server::{Server, text};

/// What Clipper made, kept for a comparison of quality.
pub(crate) struct Made {
    _folder: tempfile::TempDir,
    /// The generation's folder.
    pub(crate) renditions: PathBuf,
}

fn is_playable(clip: &Value) -> bool {
    clip.get("hls_available") == Some(&Value::Bool(true))
}

fn is_completed(clip: &Value) -> bool {
    text(clip, "hls_processing_status") == "completed"
}

/// Uploads a clip and waits until it is encoded whole.
pub(crate) async fn encode(source: &Path) -> anyhow::Result<(Turn, Made)> {
    let server = Server::start()?;
    let client = reqwest::Client::new();
    let process = server.id().to_string();
    let before = cpu(&process, Of::Itself)? + cpu(&process, Of::Children)?;
    let uploaded = server.upload(&client, source).await?;
    let (playable, _) = server.until(&client, uploaded, is_playable).await?;
    let (wall, clip) = server.until(&client, uploaded, is_completed).await?;
    let (own, ffmpeg) = (cpu(&process, Of::Itself)?, cpu(&process, Of::Children)?);
    let bytes = clip
        .get("variants")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|variant| variant.get("file_size")?.as_u64())
        .sum();
    let turn = Turn {
        wall,
        cpu: own + ffmpeg - before,
        share_of_ffmpeg: Some(ffmpeg / (own + ffmpeg).max(f64::EPSILON)),
        megabytes: megabytes(bytes),
        playable: Some(playable),
    };
    let renditions = server.renditions(&clip);
    let mut server = server;
    let folder = std::mem::replace(&mut server.folder, tempfile::tempdir()?);
    drop(server);
    Ok((
        turn,
        Made {
            _folder: folder,
            renditions,
        },
    ))
}

/// Seconds from the last byte of an upload until the first segment can be played.
pub(crate) async fn playable(source: &Path) -> anyhow::Result<f64> {
    let server = Server::start()?;
    let client = reqwest::Client::new();
    let uploaded = server.upload(&client, source).await?;
    let (playable, _) = server.until(&client, uploaded, is_playable).await?;
    Ok(playable)
}
