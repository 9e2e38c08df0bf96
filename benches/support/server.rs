//! Clipper itself, as a process of its own with a folder of its own.

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

pub(crate) const KEY: &str = "benchmark";
const ASK: Duration = Duration::from_millis(20);

pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    pub(crate) folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Server {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_clipper"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("CLIPPER_DATA_DIR", folder.path())
            .env("CLIPPER_ADMIN_KEY", KEY)
            .env("RUST_LOG", "error")
            // They are counted, and never reached.
            .env("CLIPPER_LIMITS_MEDIA_PER_SECOND", "1000000")
            .env("CLIPPER_LIMITS_READS_PER_SECOND", "1000000")
            .env("CLIPPER_LIMITS_ADDRESS_BYTES_PER_SECOND", "100000000000")
            .env("CLIPPER_LIMITS_ADDRESS_BYTES_PER_DAY", "1000000000000000")
            .env("CLIPPER_LIMITS_TOKEN_BYTES_PER_SECOND", "100000000000")
            .env("CLIPPER_LIMITS_TOKEN_STREAMS", "1000")
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

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The folder of a clip's first generation.
    pub(crate) fn renditions(&self, clip: &Value) -> PathBuf {
        let id = text(clip, "id");
        self.folder.path().join("video").join(id).join("1")
    }

    /// Uploads a clip and tells when the last byte had left.
    pub(crate) async fn upload(&self, client: &reqwest::Client, source: &Path) -> anyhow::Result<Instant> {
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
    pub(crate) async fn until(
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

pub(crate) fn text<'a>(clip: &'a Value, key: &str) -> &'a str {
    clip.get(key).and_then(Value::as_str).unwrap_or_default()
}
