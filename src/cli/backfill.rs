//! `clipper backfill`: queues clips that have no HLS yet, behind everything else. It looks only at what lacks HLS, so
//! that it can be broken off and begun again.

mod estimate;
mod fetch;

use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use clipper_domain::ClipId;
use clipper_domain::clip::{ClipCommand, EncodingClass, EncodingOrder, Refusal};
use clipper_projections::clips::backfill::{self, LackingRow};
use serde_json::json;

use super::output::Output;
use super::store::Store;
use crate::commands::CommandError;
use crate::config::Config;
use crate::media::MediaStore;

/// Clips that are read at once; another run takes the others.
const AT_MOST: i64 = 100_000;
const PRIORITY: i32 = 5;

#[derive(Debug, Args)]
pub(super) struct BackfillArguments {
    /// Which clips come first.
    #[arg(long, value_enum, default_value_t = Order::Popular)]
    order: Order,
    /// At most this many clips.
    #[arg(long, default_value_t = AT_MOST, value_parser = clap::value_parser!(i64).range(1..=AT_MOST), hide_default_value = true)]
    limit: i64,
    /// So many clips per hour, to leave room for others.
    #[arg(long, value_name = "PER_HOUR", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Only tell what would be done, and what it would take.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Order {
    /// The most viewed.
    Popular,
    /// The latest.
    Newest,
    /// The earliest.
    Oldest,
}

impl From<Order> for backfill::Order {
    fn from(order: Order) -> Self {
        match order {
            Order::Popular => Self::Popular,
            Order::Newest => Self::Newest,
            Order::Oldest => Self::Oldest,
        }
    }
}

/// What became of the clips.
#[derive(Debug, Default)]
struct Tally {
    queued: u64,
    /// Somebody else was faster.
    under_way: u64,
    failed: Vec<(String, String)>,
}

pub(super) async fn backfill(
    config: &Config,
    arguments: &BackfillArguments,
    output: Output,
) -> anyhow::Result<bool> {
    let store = Store::open(config).await?;
    let clips = store
        .db
        .all(backfill::lacking(arguments.order.into(), arguments.limit))
        .await?;
    if arguments.dry_run {
        let estimate = estimate::of(&store, &clips).await?;
        store.close().await;
        return output.data(&estimate.to_json(), || estimate.describe());
    }
    let tally = queue(&store, config, &clips, arguments.rate, output).await?;
    store.close().await;
    let failed: Vec<_> = tally
        .failed
        .iter()
        .map(|(slug, reason)| json!({ "slug": slug, "reason": reason }))
        .collect();
    let data = json!({ "queued": tally.queued, "under_way": tally.under_way, "failed": failed });
    output.data(&data, || {
        format!(
            "{} queued, {} under way already, {} could not be queued",
            tally.queued,
            tally.under_way,
            tally.failed.len()
        )
    })?;
    Ok(tally.failed.is_empty())
}

async fn queue(
    store: &Store,
    config: &Config,
    clips: &[LackingRow],
    rate: Option<u32>,
    output: Output,
) -> anyhow::Result<Tally> {
    let media = MediaStore::open(config.media_place())
        .await
        .context("cannot open the media store")?;
    let pause = rate.map_or(Duration::ZERO, |rate| Duration::from_hours(1) / rate);
    let mut tally = Tally::default();
    for (number, clip) in clips.iter().enumerate() {
        match queue_one(store, &media, config, clip).await {
            Ok(()) => tally.queued += 1,
            Err(NotQueued::UnderWay) => tally.under_way += 1,
            Err(NotQueued::Failed(error)) => {
                let reason = format!("{error:#}");
                output.note(&format!("{}: {reason}", clip.slug));
                tally.failed.push((clip.slug.clone(), reason));
                continue;
            }
        }
        if number + 1 < clips.len() {
            tokio::time::sleep(pause).await;
        }
    }
    Ok(tally)
}

/// Why a clip was not queued.
enum NotQueued {
    UnderWay,
    Failed(anyhow::Error),
}

impl From<CommandError> for NotQueued {
    fn from(error: CommandError) -> Self {
        if let CommandError::Refused(Refusal::EncodingUnderWay { .. } | Refusal::SourceExists) = &error {
            Self::UnderWay
        } else {
            Self::Failed(error.into())
        }
    }
}

impl From<anyhow::Error> for NotQueued {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

async fn queue_one(
    store: &Store,
    media: &MediaStore,
    config: &Config,
    clip: &LackingRow,
) -> Result<(), NotQueued> {
    let id: ClipId = clip.id.parse().context("the read model names no clip")?;
    let order = EncodingOrder {
        qualities: config.qualities(),
        priority: PRIORITY,
        class: EncodingClass::Backfill,
    };
    let (Some(url), None) = (&clip.source_url, clip.source_bytes) else {
        store.execute(id, ClipCommand::RequestEncoding(order)).await?;
        return Ok(());
    };
    let source = fetch::fetch(media, id, url, config.upload.max_bytes).await?;
    let object = source.object.clone();
    let command = ClipCommand::StoreSource {
        source,
        facts: None,
        order,
    };
    let stored = store.execute(id, command).await;
    if let Err(CommandError::Refused(_)) = &stored {
        media
            .discard_source(&object)
            .await
            .context("a source is left over")?;
    }
    stored?;
    Ok(())
}
