//! The files that are served, and who serves them.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::cpu::{Of, cpu};
use super::nginx::Nginx;
use super::real::real;
use super::server::{KEY, Server, text};

/// Sizes of the segments that are put in the place of a clip's own, rung by rung.
const SEGMENTS: [(&str, &str, usize); 3] = [
    ("480p", "64 KiB segment", 64 << 10),
    ("720p", "1 MiB segment", 1 << 20),
    ("1080p", "5 MiB segment", 5 << 20),
];

/// What is asked for.
pub(crate) struct Payload {
    pub(crate) name: &'static str,
    pub(crate) path: String,
    pub(crate) length: usize,
}

/// Who serves it.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) address: String,
    /// What stands before the path: a playback token, for whoever checks one.
    pub(crate) before: String,
    processes: Vec<u32>,
}

/// Files, and servers that serve them.
pub(crate) struct Stage {
    pub(crate) payloads: Vec<Payload>,
    pub(crate) contestants: Vec<Contestant>,
    _servers: (Server, [Nginx; 2], tempfile::TempDir),
}

impl Stage {
    pub(crate) async fn set() -> anyhow::Result<Self> {
        let server = Server::start()?;
        let client = reqwest::Client::new();
        let began = server.upload(&client, &real()?).await?;
        let completed = |clip: &serde_json::Value| text(clip, "hls_processing_status") == "completed";
        let (_, clip) = server.until(&client, began, completed).await?;
        let renditions = server.renditions(&clip);
        let root = tempfile::tempdir()?;
        let mut payloads = vec![playlist(&client, &server, root.path()).await?];
        for (quality, name, length) in SEGMENTS {
            let path = format!("/api/video/clip/{quality}/segment-0.ts");
            let bytes: Vec<u8> = (0..length)
                .map(|n| u8::try_from(n % 251).unwrap_or_default())
                .collect();
            put(&renditions.join(quality).join("segment-000.ts"), &bytes)?;
            put(&inside(root.path(), &path), &bytes)?;
            payloads.push(Payload { name, path, length });
        }
        let before = format!("/s/{}", token(&client, &server).await?);
        for payload in &payloads {
            // The first request goes the long way.
            let bytes = get(&client, &server, &format!("{before}{}", payload.path)).await?;
            ensure!(
                bytes.len() == payload.length,
                "{} has {} bytes",
                payload.name,
                bytes.len()
            );
        }
        let nginx = [
            Nginx::start(root.path(), "on")?,
            Nginx::start(root.path(), "off")?,
        ];
        let contestant = |name, address: &str, before: &str, process| Contestant {
            name,
            address: address.trim_start_matches("http://").to_owned(),
            before: before.to_owned(),
            processes: [vec![process], children(process)].concat(),
        };
        let [on, off] = &nginx;
        Ok(Self {
            payloads,
            contestants: vec![
                contestant("Clipper", &server.address, &before, server.id()),
                contestant("nginx, tcp_nopush on", &on.address, "", on.id()),
                contestant("nginx, tcp_nopush off", &off.address, "", off.id()),
            ],
            _servers: (server, nginx, root),
        })
    }
}

impl Contestant {
    /// Seconds of all processes, and of what they have started that has ended.
    pub(crate) fn cpu(&self) -> anyhow::Result<f64> {
        let each = self.processes.iter().map(ToString::to_string);
        each.map(|id| Ok(cpu(&id, Of::Itself)? + cpu(&id, Of::Children)?))
            .sum()
    }

    /// What all processes hold in memory; what they share counts for each.
    pub(crate) fn memory_mb(&self) -> anyhow::Result<f64> {
        let mut kilobytes = 0.0;
        for process in &self.processes {
            let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
            let number = line.and_then(|line| line.split_whitespace().next());
            kilobytes += number.context("a process without memory")?.parse::<f64>()?;
        }
        Ok(kilobytes / 1e3)
    }
}

async fn playlist(client: &reqwest::Client, server: &Server, root: &Path) -> anyhow::Result<Payload> {
    let path = "/api/video/clip/master.m3u8";
    let bytes = get(client, server, path).await?;
    put(&inside(root, path), &bytes)?;
    Ok(Payload {
        name: "master playlist",
        path: path.to_owned(),
        length: bytes.len(),
    })
}

/// Lets the clip be played.
async fn token(client: &reqwest::Client, server: &Server) -> anyhow::Result<String> {
    let address = format!("{}/api/clips/clip/playback-token", server.address);
    let asked = client.post(address).bearer_auth(KEY).json(&serde_json::json!({}));
    let minted = asked.send().await?.error_for_status()?.json().await?;
    Ok(text(&minted, "token").to_owned())
}

async fn get(client: &reqwest::Client, server: &Server, path: &str) -> anyhow::Result<Vec<u8>> {
    let answer = client.get(format!("{}{path}", server.address)).send().await?;
    Ok(answer.error_for_status()?.bytes().await?.to_vec())
}

fn put(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
    Ok(std::fs::write(path, bytes)?)
}

fn inside(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// The processes that one has started.
fn children(parent: u32) -> Vec<u32> {
    let listed = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    let listed = listed.unwrap_or_default();
    listed
        .split_whitespace()
        .filter_map(|id| id.parse().ok())
        .collect()
}
