//! `clipper ingest`: uploads through the API, as any client would, and stays with it through restarts of the server.

mod api;
mod bars;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;

pub(super) use self::api::Api;
use self::api::ApiError;
use self::bars::Bars;
use super::output::Output;
use crate::config::Config;
use crate::startup::key_file;

#[derive(Debug, Args)]
pub(super) struct IngestArguments {
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Follow the encoding to its end.
    #[arg(long)]
    wait: bool,
    /// The title; the file's name otherwise.
    #[arg(long)]
    title: Option<String>,
    /// The readable name in addresses; made from the title otherwise.
    #[arg(long)]
    slug: Option<String>,
    /// The server [default: where the settings say that it listens].
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The API key [default: the one in the settings or in the data directory].
    #[arg(long)]
    key: Option<String>,
    /// Seconds to keep trying while the server cannot be reached.
    #[arg(long, default_value_t = 60)]
    patience: u64,
}

/// How often the state of an encoding is asked for.
const POLL: Duration = Duration::from_millis(500);

pub(super) async fn ingest(
    config: &Config,
    arguments: &IngestArguments,
    output: Output,
) -> anyhow::Result<bool> {
    if arguments.files.len() > 1 && arguments.slug.is_some() {
        bail!("--slug names one clip; upload one file at a time with it");
    }
    let server = arguments
        .server
        .clone()
        .unwrap_or_else(|| format!("http://{}", config.listen));
    let api = Api::new(
        &server,
        key_of(config, arguments.key.as_deref()).await?,
        Duration::from_secs(arguments.patience),
    )?;
    let mut results = vec![];
    let mut good = true;
    for file in &arguments.files {
        let clip = one(&api, file, arguments, output)
            .await
            .with_context(|| format!("`{}`", file.display()))?;
        good &= clip.get("hls_processing_status").and_then(Value::as_str) != Some("failed");
        results.push(clip);
    }
    if output.is_json() {
        output.data(&results.into(), String::new)?;
    }
    Ok(good)
}

/// The key that is given, or the one at hand.
pub(super) async fn key_of(config: &Config, given: Option<&str>) -> anyhow::Result<String> {
    if let Some(key) = given.or(config.admin_key.as_deref()) {
        return Ok(key.to_owned());
    }
    let file = key_file(config);
    let text = tokio::fs::read_to_string(&file).await.with_context(|| {
        format!(
            "there is no API key in `{}`: give one with --key or CLIPPER_ADMIN_KEY",
            file.display()
        )
    })?;
    Ok(text.trim().to_owned())
}

async fn one(api: &Api, file: &Path, arguments: &IngestArguments, output: Output) -> anyhow::Result<Value> {
    let bytes = tokio::fs::metadata(file)
        .await
        .context("the file cannot be read")?
        .len();
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or("clip");
    let title = arguments.title.clone().unwrap_or_else(|| stem.to_owned());
    let bars = Bars::new(output, &title, bytes);
    let clip = api.register(&title, arguments.slug.as_deref()).await?;
    let id = text(&clip, "id")?;
    let mut clip = api.upload(&id, file, bytes, &bars).await?;
    bars.uploaded();
    if arguments.wait {
        clip = follow(api, &id, &bars).await?;
    }
    bars.finish();
    output.note(&summary(api, &clip));
    Ok(clip)
}

async fn follow(api: &Api, id: &str, bars: &Bars) -> Result<Value, ApiError> {
    loop {
        let clip = api.clip(id).await?;
        let percent = clip
            .pointer("/encoding/percent")
            .and_then(Value::as_f64)
            .unwrap_or_default();
        bars.encoding(percent);
        match clip.get("hls_processing_status").and_then(Value::as_str) {
            Some("completed" | "partial" | "failed") => return Ok(clip),
            _ => tokio::time::sleep(POLL).await,
        }
    }
}

fn text(clip: &Value, member: &str) -> anyhow::Result<String> {
    let found = clip.get(member).and_then(Value::as_str);
    found
        .map(str::to_owned)
        .with_context(|| format!("the server's answer has no `{member}`"))
}

fn summary(api: &Api, clip: &Value) -> String {
    let of = |pointer: &str| clip.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let status = of("/hls_processing_status");
    let address = format!("{}/watch/{}", api.server(), of("/slug"));
    match status {
        "failed" => format!(
            "failed: {} ({})",
            of("/encoding/failure/detail"),
            of("/encoding/failure/code")
        ),
        "partial" => format!("partial: {}\n{address}", of("/encoding/failure/detail")),
        _ => format!("{status}: {address}"),
    }
}
