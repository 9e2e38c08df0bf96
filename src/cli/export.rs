//! `clipper export`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use clipper_projections::{Selection, clips};
use serde_json::json;

use super::output::Output;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::export::{Export, Format, Names};
use crate::http::instant;
use crate::storage::Db;

#[derive(Debug, Subcommand)]
pub(super) enum ExportVerb {
    /// Sessions, a row each: all that is measured of them.
    Analytics(AnalyticsArguments),
}

#[derive(Debug, Args)]
pub(super) struct AnalyticsArguments {
    /// The form of the file.
    #[arg(long, value_enum)]
    format: FormatArgument,
    /// From this time on: RFC 3339, a date (UTC), or a time before now such as `-7d`.
    #[arg(long, default_value = "-24h", allow_hyphen_values = true)]
    from: String,
    /// Up to this time; of a date, its end.
    #[arg(long, default_value = "now", allow_hyphen_values = true)]
    to: String,
    /// Only of this clip, by its UUID or slug.
    #[arg(long)]
    clip: Option<String>,
    /// The file, which must not be there yet [default: standard output].
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormatArgument {
    Parquet,
    Csv,
    Ndjson,
}

impl From<FormatArgument> for Format {
    fn from(format: FormatArgument) -> Self {
        match format {
            FormatArgument::Parquet => Self::Parquet,
            FormatArgument::Csv => Self::Csv,
            FormatArgument::Ndjson => Self::Ndjson,
        }
    }
}

pub(super) async fn run(config: &Config, verb: ExportVerb, output: Output) -> anyhow::Result<bool> {
    let ExportVerb::Analytics(arguments) = verb;
    let db = Db::open(&config.database_url())
        .await
        .context("cannot open the database")?;
    let selection = selection(&db, &arguments, SystemClock.now()).await?;
    let mut export = Export::new(db, selection, Names::Shown, arguments.format.into())?;
    let Some(path) = arguments.output else {
        let mut out = BufWriter::new(std::io::stdout());
        while let Some(bytes) = export.next().await? {
            out.write_all(&bytes)?;
        }
        out.flush()?;
        return Ok(true);
    };
    let mut file = File::create_new(&path).with_context(|| format!("cannot create `{}`", path.display()))?;
    while let Some(bytes) = export.next().await? {
        file.write_all(&bytes)?;
    }
    file.sync_all()?;
    let sessions = export.rows();
    output.data(&json!({ "sessions": sessions, "file": path }), || {
        format!("{sessions} sessions written to {}", path.display())
    })
}

async fn selection(db: &Db, arguments: &AnalyticsArguments, now: DateTime<Utc>) -> anyhow::Result<Selection> {
    let time = |name: &str, text: &str| {
        instant(text, name == "to", now).with_context(|| format!("`--{name} {text}` is no time"))
    };
    let (from, to) = (time("from", &arguments.from)?, time("to", &arguments.to)?);
    anyhow::ensure!(from < to, "`--from` must be before `--to`");
    let clip = match &arguments.clip {
        None => None,
        Some(name) => {
            let row = db.optional(clips::by_name(name)).await?;
            let row = row.with_context(|| format!("there is no clip `{name}`"))?;
            Some(row.id.parse()?)
        }
    };
    Ok(Selection {
        from,
        to,
        clip,
        ..Selection::default()
    })
}
