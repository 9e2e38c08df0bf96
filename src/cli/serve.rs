//! `clipper serve` and `clipper worker`.

use std::path::PathBuf;

use clap::Args;

use super::output::Output;
use crate::actors::Ambition;
use crate::config::Config;
use crate::startup::{FirstKey, Services};

#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// The address to listen on [default: 127.0.0.1:8080].
    #[arg(long)]
    listen: Option<String>,
    /// Where everything is kept [default: ./data].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Encodings at once in this process; 0 leaves them to others [default: as cores and memory allow].
    #[arg(long)]
    workers: Option<usize>,
    /// A clip to begin with, when there is none.
    #[arg(long, hide = true, value_name = "FILE")]
    sample: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct WorkerArguments {
    /// Encodings at once [default: as cores and memory allow].
    #[arg(long)]
    workers: Option<usize>,
    /// An address for /healthz, /readyz and /metrics [default: none].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
}

pub(super) async fn serve(
    mut config: Config,
    arguments: ServeArguments,
    output: Output,
) -> anyhow::Result<()> {
    config.listen = arguments.listen.unwrap_or(config.listen);
    config.data_dir = arguments.data_dir.unwrap_or(config.data_dir);
    let workers = arguments.workers.unwrap_or_else(|| config.encoders());
    let services = Services::start(config, Ambition::Lead).await?;
    let first_key = services.first_key().await?;
    let (server, addresses) = services.bind(workers)?;
    let sample = match &arguments.sample {
        Some(path) => services.take_sample(path).await?,
        None => None,
    };
    services.start_encoders(workers);
    let address = addresses
        .first()
        .map(|address| format!("{}://{address}", services.scheme()));
    if let Some(address) = address {
        greet(output, &address, first_key.as_ref(), sample.as_deref());
    }
    services.run(Some(server)).await
}

pub(super) async fn work(config: Config, arguments: WorkerArguments) -> anyhow::Result<()> {
    let workers = arguments.workers.unwrap_or_else(|| config.encoders());
    let services = Services::start(config, Ambition::StandBy).await?;
    let health = arguments.listen.map(|listen| services.bind_health(&listen));
    let health = health.transpose()?;
    services.start_encoders(workers);
    tracing::info!(workers, "waiting for work");
    services.run(health).await
}

/// Tells where to go. The key is shown once, when it was made.
fn greet(output: Output, address: &str, first_key: Option<&FirstKey>, sample: Option<&str>) {
    let path = sample.map(|slug| format!("watch/{slug}")).unwrap_or_default();
    output.line(&format!("\nClipper is ready: {address}/"));
    if let Some(FirstKey { key, file }) = first_key {
        output.line(&format!(
            "Open this address, you are signed in there: {address}/{path}#key={key}"
        ));
        output.line(&format!(
            "The key is shown once; it is kept in {}.",
            file.display()
        ));
    }
    if sample.is_some() {
        output.line("A sample clip is being encoded; the page plays it as soon as it is ready, in about half a minute.");
    }
    output.line("");
}
