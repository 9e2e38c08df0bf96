//! `clipper clips delete`, `restore` and `purge`.

use anyhow::Context;
use chrono::TimeDelta;
use clipper_domain::ClipId;
use clipper_domain::clip::ClipCommand;
use serde_json::json;

use crate::cli::output::Output;
use crate::cli::store::{ACTOR, Store};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::gc::{Amount, Purge};
use crate::media::MediaStore;
use crate::storage::queue;

pub(super) async fn delete(config: &Config, name: &str, output: Output) -> anyhow::Result<bool> {
    let store = Store::open(config).await?;
    let row = store.find_even_deleted(name).await?;
    let id: ClipId = row.id.parse()?;
    let now = store.db.now(&SystemClock).await?;
    let purge_after = now + TimeDelta::hours(i64::from(config.retention.deleted_hours));
    let executed = store.execute(id, ClipCommand::Delete { purge_after }).await?;
    queue::revoke(&store.db, id, now).await?;
    store.close().await;
    let until = executed.clip.deletion().map(|deletion| deletion.purge_after);
    let data = json!({ "clip": row.id, "slug": row.slug, "restore_until": until });
    output.data(&data, || {
        let until = until.map(|until| until.format("%Y-%m-%d %H:%M:%S").to_string());
        let until = until.unwrap_or_default();
        format!("{}: deleted; it may be restored until {until} UTC", row.slug)
    })
}

pub(super) async fn restore(config: &Config, name: &str, output: Output) -> anyhow::Result<bool> {
    let store = Store::open(config).await?;
    let row = store.find_even_deleted(name).await?;
    let executed = store.execute(row.id.parse()?, ClipCommand::Restore).await?;
    store.close().await;
    let restored = !executed.events.is_empty();
    let data = json!({ "clip": row.id, "slug": row.slug, "restored": restored });
    output.data(&data, || {
        let what = if restored {
            "restored"
        } else {
            "it was not deleted"
        };
        format!("{}: {what}", row.slug)
    })
}

pub(super) async fn purge(config: &Config, name: Option<&str>, output: Output) -> anyhow::Result<bool> {
    let store = Store::open(config).await?;
    let media = MediaStore::open(config.media_place())
        .await
        .context("cannot open the media store")?;
    let purge = Purge {
        media: &media,
        clips: &store.commands,
        actor: ACTOR,
    };
    let purged = match name {
        Some(name) => {
            let id: ClipId = store.find_even_deleted(name).await?.id.parse()?;
            let amount = purge.one(id, None).await;
            let amount = amount.with_context(|| format!("the media of `{name}` is not removed"))?;
            vec![(id, amount)]
        }
        None => purge.due(&store.db, store.db.now(&SystemClock).await?).await?,
    };
    store.close().await;
    let entries: Vec<_> = purged
        .iter()
        .map(|(id, amount)| json!({ "clip": id.to_string(), "objects": amount.objects, "bytes": amount.bytes }))
        .collect();
    output.data(&entries.into(), || describe(&purged))
}

fn describe(purged: &[(ClipId, Amount)]) -> String {
    let line = |(id, amount): &(ClipId, Amount)| {
        format!("{id}: {} objects, {} bytes removed", amount.objects, amount.bytes)
    };
    let lines: Vec<_> = purged.iter().map(line).collect();
    if lines.is_empty() {
        "nothing is due".to_owned()
    } else {
        lines.join("\n")
    }
}
