//! `clipper encode` and `clipper cancel`.

use anyhow::Context;
use clap::Args;
use clipper_domain::clip::{ClipCommand, EncodingOrder};
use clipper_domain::{ClipId, Quality};
use serde_json::json;

use super::output::Output;
use super::store::Store;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::storage::queue;

#[derive(Debug, Args)]
pub(super) struct EncodeArguments {
    /// The clip's UUID or slug.
    clip: String,
    /// The rungs, separated by commas [default: those of the settings].
    #[arg(long, value_delimiter = ',', value_name = "QUALITY")]
    qualities: Vec<Quality>,
    /// Higher goes first among clips of its class.
    #[arg(long, default_value_t = 5, allow_negative_numbers = true)]
    priority: i32,
}

pub(super) async fn encode(
    config: &Config,
    arguments: EncodeArguments,
    output: Output,
) -> anyhow::Result<bool> {
    let store = Store::open(config).await?;
    let row = store.find(&arguments.clip).await?;
    let qualities = match arguments.qualities {
        named if named.is_empty() => config.qualities(),
        named => named,
    };
    let order = EncodingOrder {
        qualities,
        priority: arguments.priority,
        class: row.class_of_request(),
    };
    let (id, class): (ClipId, _) = (row.id.parse()?, order.class);
    let executed = store.execute(id, ClipCommand::RequestEncoding(order)).await;
    let executed = executed.with_context(|| format!("`{}` is not encoded again", row.slug))?;
    store.close().await;
    let generation = executed.clip.encoding().map(|encoding| encoding.generation);
    let data = json!({ "clip": row.id, "slug": row.slug, "generation": generation, "class": class.as_str() });
    output.data(&data, || {
        let number = generation.unwrap_or_default();
        format!("{}: generation {number} waits as {}", row.slug, class.as_str())
    })
}

pub(super) async fn cancel(config: &Config, name: &str, output: Output) -> anyhow::Result<bool> {
    let store = Store::open(config).await?;
    let row = store.find(name).await?;
    let id: ClipId = row.id.parse()?;
    let executed = store.execute(id, ClipCommand::CancelEncoding).await?;
    queue::revoke(&store.db, id, store.db.now(&SystemClock).await?).await?;
    store.close().await;
    let cancelled = !executed.events.is_empty();
    let data = json!({ "clip": row.id, "slug": row.slug, "cancelled": cancelled });
    output.data(&data, || {
        let what = if cancelled {
            "stopped"
        } else {
            "nothing was being encoded"
        };
        format!("{}: {what}", row.slug)
    })
}
