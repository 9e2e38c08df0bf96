//! `clipper gc`.

use anyhow::Context;
use chrono::TimeDelta;
use clap::Args;
use serde_json::json;

use super::output::{Output, table};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::gc::{Action, Amount, Gc, Report};
use crate::media::MediaStore;
use crate::storage::{Db, Logs};

#[derive(Debug, Args)]
pub(super) struct GcArguments {
    /// Only tell what is left over.
    #[arg(long)]
    dry_run: bool,
    /// Hours for which a generation stays that plays no more.
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    grace: u32,
}

pub(super) async fn gc(config: &Config, arguments: &GcArguments, output: Output) -> anyhow::Result<bool> {
    let db = Db::open(&config.database_url())
        .await
        .context("cannot open the database")?;
    let media = MediaStore::open(config.media_place())
        .await
        .context("cannot open the media store")?;
    let gc = Gc {
        media: &media,
        logs: &Logs::new(db.clone()),
        now: db.now(&SystemClock).await?,
        grace: TimeDelta::hours(i64::from(arguments.grace)),
        action: if arguments.dry_run {
            Action::Count
        } else {
            Action::Remove
        },
    };
    let report = gc.run().await?;
    let data = json!({ "dry_run": arguments.dry_run, "total": report.total(), "report": report });
    output.data(&data, || describe(&report, arguments.dry_run))
}

fn describe(report: &Report, dry_run: bool) -> String {
    let verb = if dry_run { "to be removed" } else { "removed" };
    let mut rows: Vec<_> = report
        .removed
        .iter()
        .map(|(kind, amount)| cells(&format!("{verb}: {}", kind.as_str()), *amount))
        .collect();
    rows.push(cells(&format!("{verb} in all"), report.total()));
    rows.push(cells("not old enough", report.waiting));
    rows.push(cells("in use", report.kept));
    let mut text = table(&["what", "objects", "bytes"], &rows);
    if !report.unknown.is_empty() {
        text += &format!("\nnot Clipper's, and left alone: {}", report.unknown.join(", "));
    }
    text
}

fn cells(what: &str, amount: Amount) -> Vec<String> {
    vec![
        what.to_owned(),
        amount.objects.to_string(),
        amount.bytes.to_string(),
    ]
}
