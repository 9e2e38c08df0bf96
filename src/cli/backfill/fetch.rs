//! The source of a clip that lives elsewhere, brought into the media store.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use clipper_domain::ClipId;
use clipper_domain::source::StoredSource;

use crate::media::{Incoming, MediaStore};

/// A server that sends nothing for this long is given up.
const SILENCE: Duration = Duration::from_secs(30);

/// Fetches `file:///…`, `http://…` or `https://…`. The address comes from an operator's file, who may read what this
/// program may read.
pub(super) async fn fetch(
    media: &MediaStore,
    clip: ClipId,
    url: &str,
    max_bytes: u64,
) -> anyhow::Result<StoredSource> {
    let incoming = media.receive(uuid::Uuid::now_v7()).await?;
    let incoming = match url.strip_prefix("file://") {
        Some(path) => of_file(incoming, Path::new(path), max_bytes).await,
        None => of_server(incoming, url, max_bytes).await,
    };
    let received = incoming
        .with_context(|| format!("the source cannot be had from {url}"))?
        .finish()
        .await?;
    if received.bytes == 0 {
        bail!("the source at {url} is empty");
    }
    let (bytes, sha256) = (received.bytes, received.sha256.clone());
    let object = media.keep_source(received, clip).await?;
    Ok(StoredSource {
        object,
        bytes,
        sha256,
        filename: name_of(url),
    })
}

async fn of_file(mut incoming: Incoming, path: &Path, max_bytes: u64) -> anyhow::Result<Incoming> {
    let mut file = tokio::fs::File::open(path).await?;
    incoming.copy(&mut file, max_bytes).await?;
    Ok(incoming)
}

async fn of_server(mut incoming: Incoming, url: &str, max_bytes: u64) -> anyhow::Result<Incoming> {
    let client = reqwest::Client::builder()
        .connect_timeout(SILENCE)
        .read_timeout(SILENCE)
        .build()?;
    let mut response = client.get(url).send().await?.error_for_status()?;
    while let Some(part) = response.chunk().await? {
        incoming.write(&part, max_bytes).await?;
    }
    Ok(incoming)
}

fn name_of(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next()?;
    let name = path.rsplit('/').next()?;
    (!name.is_empty()).then(|| name.to_owned())
}
