//! `clipper events`: the logs as newline-delimited JSON.

use std::fs::File;
use std::io::{BufReader, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use indicatif::ProgressBar;
use serde_json::json;

use super::output::{Output, table};
use crate::config::Config;
use crate::storage::archive::{self, Names};
use crate::storage::audit::{self, Audit};
use crate::storage::{Db, Log, Logs, StoredEvent};

#[derive(Debug, Subcommand)]
pub(super) enum EventsVerb {
    /// Print the latest events, one JSON object a line.
    Tail(TailArguments),
    /// Write both logs to a file that ends with its own hash; `-` is the terminal or a pipe.
    Export {
        /// The file.
        file: PathBuf,
        /// Also write who is who: without it people are pseudonyms, and the file cannot give clips back to their owners.
        #[arg(long)]
        with_people: bool,
    },
    /// Read a file of `export` into an empty store; its hash is verified first.
    Import {
        /// The file.
        file: PathBuf,
    },
    /// Look whether the logs are dense, ordered and readable to the last event.
    Verify,
}

#[derive(Debug, Args)]
pub(super) struct TailArguments {
    /// Go on with what comes.
    #[arg(short, long)]
    follow: bool,
    /// Which log.
    #[arg(long, value_enum, default_value_t = Which::Clip)]
    log: Which,
    /// Begin after this position instead of the last few events.
    #[arg(long, value_name = "POSITION")]
    after: Option<i64>,
    /// How many of the last events.
    #[arg(short = 'n', long, default_value_t = 10, conflicts_with = "after", value_parser = clap::value_parser!(i64).range(0..))]
    lines: i64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Which {
    Clip,
    Playback,
}

impl Which {
    fn log(self) -> Log {
        match self {
            Self::Clip => Log::Clip,
            Self::Playback => Log::Playback,
        }
    }
}

pub(super) async fn run(config: &Config, verb: EventsVerb, output: Output) -> anyhow::Result<bool> {
    let db = Db::open(&config.database_url())
        .await
        .context("cannot open the database")?;
    let logs = Logs::new(db.clone());
    match verb {
        EventsVerb::Tail(arguments) => tail(&logs, &arguments, output).await,
        EventsVerb::Export { file, with_people } => {
            let names = if with_people {
                Names::Included
            } else {
                Names::LeftOut
            };
            export(&logs, &file, names, output).await
        }
        EventsVerb::Import { file } => import(&db, &file, output).await,
        EventsVerb::Verify => verify(&logs, output).await,
    }
}

async fn tail(logs: &Logs, arguments: &TailArguments, output: Output) -> anyhow::Result<bool> {
    const PAGE: i64 = 500;
    const PAUSE: Duration = Duration::from_millis(250);
    let log = arguments.log.log();
    let mut position = match arguments.after {
        Some(position) => position,
        None => (logs.head(log).await? - arguments.lines).max(0),
    };
    loop {
        let page = logs.stored_page(log, position, PAGE).await?;
        for event in &page {
            if !output.try_line(&line(event)?) {
                return Ok(true);
            }
            position = event.event.position;
        }
        if !page.is_empty() {
            continue;
        }
        if !arguments.follow {
            return Ok(true);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn line(event: &StoredEvent) -> anyhow::Result<String> {
    Ok(event.to_json()?.to_string())
}

async fn export(logs: &Logs, path: &PathBuf, names: Names, output: Output) -> anyhow::Result<bool> {
    let spinner = spinner(output);
    let progress = |events| spinner.set_message(format!("{events} events"));
    if path.as_os_str() == "-" {
        archive::export(logs, BufWriter::new(std::io::stdout()), names, progress).await?;
        return Ok(true);
    }
    let file = File::create_new(path).with_context(|| format!("cannot create `{}`", path.display()))?;
    let mut writer = BufWriter::new(file);
    let events = archive::export(logs, &mut writer, names, progress).await?;
    writer.flush()?;
    writer.get_ref().sync_all()?;
    spinner.finish_and_clear();
    output.data(&json!({ "events": events, "file": path }), || {
        format!("{events} events written to {}", path.display())
    })
}

async fn import(db: &Db, path: &PathBuf, output: Output) -> anyhow::Result<bool> {
    let open = || -> anyhow::Result<_> {
        let file = File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
        Ok(BufReader::new(file))
    };
    let spinner = spinner(output);
    let expected = archive::check(open()?)?;
    let events = archive::import(db, open()?, |events| {
        spinner.set_message(format!("{events} of {expected} events"));
    })
    .await?;
    spinner.finish_and_clear();
    if events != expected {
        bail!("{events} events were read, and the file says {expected}");
    }
    output.data(&json!({ "events": events }), || {
        format!("{events} events imported; the read models follow when Clipper runs, or now: clipper projections rebuild")
    })
}

async fn verify(logs: &Logs, output: Output) -> anyhow::Result<bool> {
    let mut audits = vec![];
    for log in Log::ALL {
        let spinner = spinner(output);
        let progress = |at, of| spinner.set_message(format!("{} log: {at} of {of}", log.name()));
        audits.push(audit::audit(logs, log, progress).await?);
        spinner.finish_and_clear();
    }
    output.data(&json!(audits), || {
        audits.iter().map(describe).collect::<Vec<_>>().join("\n\n")
    })?;
    Ok(audits.iter().all(|audit| audit.findings.is_empty()))
}

fn describe(audit: &Audit) -> String {
    let verdict = if audit.findings.is_empty() {
        "dense, ordered and readable".to_owned()
    } else {
        format!("{} findings", audit.findings.len())
    };
    let mut text = format!("{} log: {} events, {verdict}", audit.log, audit.events);
    for finding in &audit.findings {
        let place = finding
            .position
            .map_or(String::new(), |position| format!("event {position}: "));
        text += &format!("\n  {place}{}", finding.problem);
    }
    if audit.types.is_empty() {
        return text;
    }
    let cells = |(name, version, count): &(String, i64, i64)| {
        vec![name.clone(), version.to_string(), count.to_string()]
    };
    let rows: Vec<_> = audit.types.iter().map(cells).collect();
    format!("{text}\n{}", table(&["event", "schema version", "count"], &rows))
}

fn spinner(output: Output) -> ProgressBar {
    if output.is_terminal() && std::io::stderr().is_terminal() {
        let spinner = ProgressBar::new_spinner();
        spinner.enable_steady_tick(Duration::from_millis(120));
        spinner
    } else {
        ProgressBar::hidden()
    }
}
