//! `clipper projections`.

use anyhow::Context;
use clap::{Args, Subcommand};
use clipper_projections::{PROJECTIONS, Projection};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::output::{Output, table};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::storage::parked::{self, ParkedRow, Retried};
use crate::storage::rebuild::{self, Bench, Progress};
use crate::storage::status::{self, RebuildStatus, Status};
use crate::storage::{Db, Logs};

#[derive(Debug, Subcommand)]
pub(super) enum ProjectionsVerb {
    /// Where each read model stands.
    List,
    /// Replay the log into new rows and swap them in; the old ones serve until then.
    ///
    /// A rebuild that broke off goes on where it was.
    Rebuild {
        /// Which; all, when none is named.
        names: Vec<String>,
        /// At most this many events per second, to leave room for others.
        #[arg(long, value_name = "EVENTS_PER_SECOND", value_parser = positive)]
        rate: Option<f64>,
    },
    /// Replay the log aside and compare row for row.
    Verify {
        /// Which; all, when none is named.
        names: Vec<String>,
    },
    /// List events that a read model could not apply.
    Parked {
        /// Which; all, when none is named.
        names: Vec<String>,
    },
    /// Try parked events again, with everything of their streams that waits.
    Retry(ParkedArguments),
    /// Pass parked events over for good, and let their streams go on.
    Skip(ParkedArguments),
}

#[derive(Debug, Args)]
pub(super) struct ParkedArguments {
    /// The read model.
    name: String,
    /// The position of the event; all that are parked, when none is named.
    position: Option<i64>,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(rate),
        Ok(_) | Err(_) => Err("must be a number above 0".to_owned()),
    }
}

pub(super) async fn run(config: &Config, verb: ProjectionsVerb, output: Output) -> anyhow::Result<bool> {
    let db = Db::open(&config.database_url())
        .await
        .context("cannot open the database")?;
    let logs = Logs::new(db.clone());
    let holder = format!("command line, process {}", std::process::id());
    let bench = Bench {
        db: &db,
        logs: &logs,
        clock: &SystemClock,
        holder: &holder,
    };
    match verb {
        ProjectionsVerb::List => list(bench, output).await,
        ProjectionsVerb::Rebuild { names, rate } => rebuild(bench, &names, rate, output).await,
        ProjectionsVerb::Verify { names } => verify(bench, &names, output).await,
        ProjectionsVerb::Parked { names } => list_parked(&db, &names, output).await,
        ProjectionsVerb::Retry(which) => release(bench, &which, Release::Retry, output).await,
        ProjectionsVerb::Skip(which) => release(bench, &which, Release::Skip, output).await,
    }
}

async fn list(bench: Bench<'_>, output: Output) -> anyhow::Result<bool> {
    let all = status::all(bench.db, bench.logs).await?;
    output.data(&json!(all), || {
        let rows: Vec<_> = all.iter().map(cells).collect();
        let headings = [
            "name",
            "version",
            "log",
            "position",
            "lag",
            "moved at (UTC)",
            "being made",
        ];
        table(&headings, &rows)
    })
}

fn cells(status: &Status) -> Vec<String> {
    let moved = status.updated_at.map_or("never".to_owned(), |at| {
        at.format("%Y-%m-%d %H:%M:%S").to_string()
    });
    vec![
        status.name.to_owned(),
        status
            .version
            .map_or("-".to_owned(), |version| version.to_string()),
        status.log.to_owned(),
        status.position.to_string(),
        status.lag.to_string(),
        moved,
        status.rebuild.as_ref().map_or(String::new(), describe_rebuild),
    ]
}

fn describe_rebuild(status: &RebuildStatus) -> String {
    if let Some(error) = &status.error {
        return format!("{} broke off: {error}", status.purpose);
    }
    let left = status
        .seconds_left
        .map_or(String::new(), |left| format!(", {left} s left"));
    format!("{} {:.1} %{left}", status.purpose, status.percent)
}

async fn rebuild(
    bench: Bench<'_>,
    names: &[String],
    rate: Option<f64>,
    output: Output,
) -> anyhow::Result<bool> {
    let mut rebuilt = vec![];
    for projection in chosen(names)? {
        let bar = bar(output, projection.name);
        let events = rebuild::rebuild(bench, projection, rate, |progress| advance(&bar, progress)).await;
        bar.finish_and_clear();
        let events = events.with_context(|| format!("`{}` was not rebuilt", projection.name))?;
        output.note(&format!("{}: rebuilt from {events} events", projection.name));
        rebuilt.push(json!({ "name": projection.name, "events": events }));
    }
    finish(output, rebuilt, true)
}

async fn verify(bench: Bench<'_>, names: &[String], output: Output) -> anyhow::Result<bool> {
    let (mut verdicts, mut equal) = (vec![], true);
    for projection in chosen(names)? {
        let bar = bar(output, projection.name);
        let verdict = rebuild::verify(bench, projection, |progress| advance(&bar, progress)).await;
        bar.finish_and_clear();
        let verdict = verdict.with_context(|| format!("`{}` was not verified", projection.name))?;
        match &verdict.difference {
            Some(difference) => {
                equal = false;
                output.note(&format!(
                    "{}: {} rows of `{}` differ; the first is {}, in {}",
                    projection.name,
                    difference.rows,
                    difference.table,
                    difference.first_key,
                    difference.columns.join(", ")
                ));
            }
            None => output.note(&format!(
                "{}: equal after {} events",
                projection.name, verdict.events
            )),
        }
        verdicts.push(
            json!({ "name": projection.name, "events": verdict.events, "difference": verdict.difference }),
        );
    }
    finish(output, verdicts, equal)
}

async fn list_parked(db: &Db, names: &[String], output: Output) -> anyhow::Result<bool> {
    let (mut rows, mut data) = (vec![], vec![]);
    for projection in chosen(names)? {
        for event in all_parked(db, projection).await? {
            let state = if event.skipped { "skipped" } else { "parked" };
            rows.push(vec![
                projection.name.to_owned(),
                event.position.to_string(),
                event.stream_id.clone(),
                event.event_type.clone(),
                state.to_owned(),
                event.attempts.to_string(),
                event.error.clone(),
            ]);
            data.push(json!({ "projection": projection.name, "event": event }));
        }
    }
    output.data(&data.into(), || {
        if rows.is_empty() {
            return "nothing is parked".to_owned();
        }
        let headings = [
            "name", "position", "stream", "event", "state", "attempts", "error",
        ];
        table(&headings, &rows)
    })
}

async fn all_parked(db: &Db, projection: &Projection) -> anyhow::Result<Vec<ParkedRow>> {
    const PAGE: i64 = 1_000;
    let mut all: Vec<ParkedRow> = vec![];
    loop {
        let after = all.last().map_or(0, |event| event.position);
        let page = parked::list(db, projection, after, PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

#[derive(Clone, Copy)]
enum Release {
    Retry,
    Skip,
}

async fn release(
    bench: Bench<'_>,
    which: &ParkedArguments,
    release: Release,
    output: Output,
) -> anyhow::Result<bool> {
    let (db, logs, now) = (bench.db, bench.logs, bench.clock.now());
    let projection = named(&which.name)?;
    let positions = if let Some(position) = which.position {
        vec![position]
    } else {
        let waiting = all_parked(db, projection).await?;
        let waiting = waiting.iter().filter(|event| !event.skipped);
        waiting.map(|event| event.position).collect()
    };
    let mut sum = Retried::default();
    for position in positions {
        let retried = match release {
            Release::Retry => parked::retry(db, logs, projection, position, now).await?,
            Release::Skip => parked::skip(db, logs, projection, position, now).await?,
        };
        if which.position.is_some() && retried.is_none() {
            anyhow::bail!("event {position} is not parked for `{}`", projection.name);
        }
        let retried = retried.unwrap_or_default();
        sum.applied += retried.applied;
        sum.parked = retried.parked;
    }
    output.data(&json!(sum), || {
        format!(
            "{}: {} events applied, {} still parked",
            projection.name, sum.applied, sum.parked
        )
    })?;
    Ok(sum.parked == 0)
}

fn finish(output: Output, data: Vec<Value>, good: bool) -> anyhow::Result<bool> {
    if output.is_json() {
        output.data(&data.into(), String::new)?;
    }
    Ok(good)
}

fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static Projection>> {
    if names.is_empty() {
        return Ok(PROJECTIONS.iter().collect());
    }
    names.iter().map(|name| named(name)).collect()
}

fn named(name: &str) -> anyhow::Result<&'static Projection> {
    let known = || {
        PROJECTIONS
            .iter()
            .map(|projection| projection.name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let found = PROJECTIONS.iter().find(|projection| projection.name == name);
    found.with_context(|| format!("there is no projection `{name}`; there are {}", known()))
}

fn bar(output: Output, name: &'static str) -> ProgressBar {
    if !output.is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg:28} {wide_bar} {pos}/{len} events, {per_sec}, {eta} left");
    ProgressBar::new(0)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(name)
}

fn advance(bar: &ProgressBar, progress: Progress) {
    bar.set_length(progress.until.unsigned_abs());
    bar.set_position(progress.position.unsigned_abs());
}
