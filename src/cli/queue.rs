//! `clipper queue`.

use anyhow::Context;
use clap::Subcommand;
use clipper_domain::clip::EncodingClass;
use clipper_projections::encoding_queue::standing::{self, ClassRow, EntryRow, PausedRow};
use serde_json::json;

use super::output::{Output, table};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::storage::{Db, queue};

#[derive(Debug, Subcommand)]
pub(super) enum QueueVerb {
    /// What is left to be encoded, and who is at it.
    List {
        /// At most this many units.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..))]
        limit: i64,
    },
    /// Let no worker take from a class: `fresh`, `reencode` or `backfill`. What is worked on goes on.
    Pause {
        /// The class.
        class: EncodingClass,
    },
    /// Let a class go on.
    Resume {
        /// The class.
        class: EncodingClass,
    },
}

pub(super) async fn run(config: &Config, verb: QueueVerb, output: Output) -> anyhow::Result<bool> {
    let db = Db::open(&config.database_url())
        .await
        .context("cannot open the database")?;
    match verb {
        QueueVerb::List { limit } => list(&db, limit, output).await,
        QueueVerb::Pause { class } => {
            queue::pause(&db, class, db.now(&SystemClock).await?).await?;
            told(output, class, "paused")
        }
        QueueVerb::Resume { class } => {
            queue::resume(&db, class).await?;
            told(output, class, "goes on")
        }
    }
}

fn told(output: Output, class: EncodingClass, state: &str) -> anyhow::Result<bool> {
    let data = json!({ "class": class.as_str(), "state": state });
    output.data(&data, || format!("{}: {state}", class.as_str()))
}

async fn list(db: &Db, limit: i64, output: Output) -> anyhow::Result<bool> {
    let now = db.now(&SystemClock).await?;
    let classes = db.all(standing::classes(now)).await?;
    let paused = db.all(standing::paused()).await?;
    let entries = db.all(standing::entries(now, None, limit)).await?;
    let data = json!({
        "classes": classes.iter().map(|row| json!({
            "class": row.class, "waiting": row.waiting, "running": row.running, "oldest": row.oldest,
        })).collect::<Vec<_>>(),
        "paused": paused.iter().map(|row| json!({ "class": row.class, "paused_at": row.paused_at })).collect::<Vec<_>>(),
        "entries": entries.iter().map(|row| json!({
            "clip": row.clip_id, "slug": row.slug, "generation": row.generation, "unit": row.unit, "class": row.class,
            "priority": row.priority, "state": row.state, "worker": row.worker, "share": row.share,
            "attempts": row.failures, "run_after": row.run_after, "requested_at": row.requested_at,
        })).collect::<Vec<_>>(),
    });
    output.data(&data, || describe(&classes, &paused, &entries))
}

fn describe(classes: &[ClassRow], paused: &[PausedRow], entries: &[EntryRow]) -> String {
    let mut lines: Vec<String> = paused
        .iter()
        .map(|row| {
            let since = row.paused_at.format("%Y-%m-%d %H:%M");
            format!("{} is paused since {since} UTC", row.class)
        })
        .collect();
    if entries.is_empty() {
        lines.push("nothing waits".to_owned());
        return lines.join("\n");
    }
    let of_class = |row: &ClassRow| {
        let oldest = row.oldest.format("%Y-%m-%d %H:%M:%S");
        format!(
            "{}: {} waiting, {} running, the oldest since {oldest} UTC",
            row.class, row.waiting, row.running
        )
    };
    lines.extend(classes.iter().map(of_class));
    let headings = [
        "clip",
        "generation",
        "unit",
        "class",
        "priority",
        "state",
        "done",
        "worker",
        "failed",
    ];
    let rows: Vec<_> = entries.iter().map(cells).collect();
    format!("{}\n\n{}", lines.join("\n"), table(&headings, &rows))
}

fn cells(row: &EntryRow) -> Vec<String> {
    vec![
        row.slug.clone().unwrap_or_else(|| row.clip_id.clone()),
        row.generation.to_string(),
        row.unit.to_string(),
        row.class.clone(),
        row.priority.to_string(),
        row.state.clone(),
        format!("{:.0} %", row.share * 100.0),
        row.worker.clone().unwrap_or_default(),
        row.failures.to_string(),
    ]
}
