//! Clipper itself: the program is started, a clip is uploaded, and its state is asked for until the end.

#![expect(
    clippy::disallowed_methods,
    reason = "the program runs in a process of its own"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

use super::meter::{Of, Turn, cpu, megabytes};

const KEY: &str = "benchmark";
const ASK: Duration = Duration::from_millis(20);

/// What Clipper made, kept for a comparison of quality.
pub(crate) struct Made {
    _folder: tempfile::TempDir,
    /// The generation's folder.
    pub(crate) renditions: PathBuf,
}

struct Server {
    child: Child,
    address: String,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Server {
    fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_clipper"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("CLIPPER_DATA_DIR", folder.path())
            .env("CLIPPER_ADMIN_KEY", KEY)
            .env("RUST_LOG", "error")
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let ready = |line: std::io::Result<String>| {
            line.ok()?
                .strip_prefix("Clipper is ready: ")
                .map(|address| address.trim_end_matches('/').to_owned())
        };
        let address = lines.find_map(ready).context("the server did not start")?;
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self {
            child,
            address,
            folder,
        })
    }

    fn cpu(&self, of: Of) -> anyhow::Result<f64> {
        cpu(&self.child.id().to_string(), of)
    }

    /// Uploads a clip and tells when the last byte had left.
    async fn upload(&self, client: &reqwest::Client, source: &Path) -> anyhow::Result<Instant> {
        let clip = serde_json::json!({"slug": "clip", "title": "Clip"});
        client
            .post(format!("{}/api/clips", self.address))
            .bearer_auth(KEY)
            .json(&clip)
            .send()
            .await?
            .error_for_status()?;
        let body = tokio::fs::read(source).await?;
        let last_left = Arc::new(Mutex::new(Instant::now()));
        let left = Arc::clone(&last_left);
        let parts: Vec<Vec<u8>> = body.chunks(1 << 20).map(<[u8]>::to_vec).collect();
        let stream = futures_util::stream::iter(parts.into_iter().map(move |part| {
            if let Ok(mut left) = left.lock() {
                *left = Instant::now();
            }
            Ok::<_, std::io::Error>(part)
        }));
        client
            .put(format!("{}/api/clips/clip/source", self.address))
            .bearer_auth(KEY)
            .body(reqwest::Body::wrap_stream(stream))
            .send()
            .await?
            .error_for_status()?;
        let left = last_left
            .lock()
            .map_err(|_poisoned| anyhow::anyhow!("the upload broke off"))?;
        Ok(*left)
    }

    async fn clip(&self, client: &reqwest::Client) -> anyhow::Result<Value> {
        let answer = client
            .get(format!("{}/api/clips/clip", self.address))
            .send()
            .await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// Asks until something is so, and tells how long that was after an instant.
    async fn until(
        &self,
        client: &reqwest::Client,
        since: Instant,
        so: fn(&Value) -> bool,
    ) -> anyhow::Result<(f64, Value)> {
        loop {
            let clip = self.clip(client).await?;
            if so(&clip) {
                return Ok((since.elapsed().as_secs_f64(), clip));
            }
            if text(&clip, "hls_processing_status") == "failed" {
                bail!("the encoding failed: {clip}");
            }
            tokio::time::sleep(ASK).await;
        }
    }
}

fn text<'a>(clip: &'a Value, key: &str) -> &'a str {
    clip.get(key).and_then(Value::as_str).unwrap_or_default()
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
    let before = server.cpu(Of::Itself)? + server.cpu(Of::Children)?;
    let uploaded = server.upload(&client, source).await?;
    let (playable, _) = server.until(&client, uploaded, is_playable).await?;
    let (wall, clip) = server.until(&client, uploaded, is_completed).await?;
    let (own, ffmpeg) = (server.cpu(Of::Itself)?, server.cpu(Of::Children)?);
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
    let renditions = server
        .folder
        .path()
        .join("video")
        .join(text(&clip, "id"))
        .join("1");
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
