//! `clipper projections`.

use anyhow::Context;
use clap::Subcommand;
use clipper_projections::{PROJECTIONS, Projection};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::output::{Output, table};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::storage::{Db, Logs, follow, rebuild};

#[derive(Debug, Subcommand)]
pub(super) enum ProjectionsVerb {
    /// Where each read model stands.
    List,
    /// Replay the log into new rows and swap them in; the old ones serve until then.
    Rebuild {
        /// Which; all, when none is named.
        names: Vec<String>,
    },
    /// Replay the log aside and compare row for row.
    Verify {
        /// Which; all, when none is named.
        names: Vec<String>,
    },
}

pub(super) async fn run(config: &Config, verb: ProjectionsVerb, output: Output) -> anyhow::Result<bool> {
    let db = Db::open(&config.database_url())
        .await
        .context("cannot open the database")?;
    let logs = Logs::new(db.clone());
    match verb {
        ProjectionsVerb::List => list(&db, &logs, output).await,
        ProjectionsVerb::Rebuild { names } => {
            let mut rebuilt = vec![];
            for projection in chosen(&names)? {
                let bar = bar(output, projection.name);
                let now = SystemClock.now();
                let events =
                    rebuild::rebuild(&db, &logs, projection, now, |at, of| advance(&bar, at, of)).await?;
                bar.finish_and_clear();
                output.note(&format!("{}: rebuilt from {events} events", projection.name));
                rebuilt.push(json!({ "name": projection.name, "events": events }));
            }
            finish(output, rebuilt, true)
        }
        ProjectionsVerb::Verify { names } => verify(&db, &logs, &names, output).await,
    }
}

async fn list(db: &Db, logs: &Logs, output: Output) -> anyhow::Result<bool> {
    let (mut rows, mut data) = (vec![], vec![]);
    for projection in &PROJECTIONS {
        let head = logs.head(follow::log_of(projection)).await?;
        let checkpoint = follow::checkpoint(db, projection).await?;
        let position = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.position);
        let updated_at = checkpoint.as_ref().map(|checkpoint| checkpoint.updated_at);
        let moved = updated_at.map_or("never".to_owned(), |at| {
            at.format("%Y-%m-%d %H:%M:%S").to_string()
        });
        let log = follow::log_of(projection).name();
        rows.push(vec![
            projection.name.to_owned(),
            checkpoint
                .as_ref()
                .map_or(projection.version.into(), |checkpoint| checkpoint.version)
                .to_string(),
            log.to_owned(),
            position.to_string(),
            (head - position).to_string(),
            moved,
        ]);
        data.push(
            json!({ "name": projection.name, "version": projection.version, "log": log,
                          "position": position, "lag": head - position, "updated_at": updated_at }),
        );
    }
    output.data(&data.into(), || {
        table(
            &["name", "version", "log", "position", "lag", "moved at (UTC)"],
            &rows,
        )
    })
}

async fn verify(db: &Db, logs: &Logs, names: &[String], output: Output) -> anyhow::Result<bool> {
    let (mut verdicts, mut equal) = (vec![], true);
    for projection in chosen(names)? {
        let bar = bar(output, projection.name);
        let verdict = rebuild::verify(db, logs, projection, |at, of| advance(&bar, at, of)).await?;
        bar.finish_and_clear();
        for difference in &verdict.differences {
            equal = false;
            output.note(&format!(
                "{}: {} rows of `{}` differ, the first is {}",
                projection.name, difference.rows, difference.table, difference.first_key
            ));
        }
        if verdict.differences.is_empty() {
            output.note(&format!(
                "{}: equal after {} events",
                projection.name, verdict.events
            ));
        }
        verdicts.push(
            json!({ "name": projection.name, "events": verdict.events, "differences": verdict.differences }),
        );
    }
    finish(output, verdicts, equal)
}

fn finish(output: Output, data: Vec<Value>, good: bool) -> anyhow::Result<bool> {
    if output.is_json() {
        output.data(&data.into(), String::new)?;
    }
    Ok(good)
}

fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static Projection>> {
    static ALL: [Projection; 4] = PROJECTIONS;
    if names.is_empty() {
        return Ok(ALL.iter().collect());
    }
    let find = |name: &String| {
        let known = || {
            ALL.iter()
                .map(|projection| projection.name)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let found = ALL.iter().find(|projection| projection.name == name);
        found.with_context(|| format!("there is no projection `{name}`; there are {}", known()))
    };
    names.iter().map(find).collect()
}

fn bar(output: Output, name: &'static str) -> ProgressBar {
    if !output.is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg:28} {wide_bar} {pos}/{len} events, {eta} left");
    ProgressBar::new(0)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(name)
}

fn advance(bar: &ProgressBar, position: i64, until: i64) {
    bar.set_length(until.unsigned_abs());
    bar.set_position(position.unsigned_abs());
}
