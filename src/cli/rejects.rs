//! `clipper rejects`.

use anyhow::Context;
use clap::Args;
use serde_json::json;

use super::output::{Output, table};
use crate::config::Config;
use crate::storage::Db;
use crate::storage::rejects::{self, Looked, RejectedRow};

/// What of a record's text is shown in a table.
const SHOWN: usize = 80;

#[derive(Debug, Args)]
pub(super) struct RejectsArguments {
    /// How many, the latest first.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=100_000))]
    limit: i64,
    /// Only those that were set aside for this reason.
    #[arg(long)]
    code: Option<String>,
    /// Only those that came in this form.
    #[arg(long, value_parser = ["json", "cmcd", "request"])]
    form: Option<String>,
    /// Only those that name this session.
    #[arg(long)]
    session: Option<String>,
}

pub(super) async fn rejects(
    config: &Config,
    arguments: RejectsArguments,
    output: Output,
) -> anyhow::Result<bool> {
    let db = Db::open(&config.database_url())
        .await
        .context("cannot open the database")?;
    let looked = Looked {
        before: None,
        code: arguments.code,
        form: arguments.form,
        session: arguments.session,
    };
    let rows = rejects::latest(&db, looked, arguments.limit).await?;
    output.data(&json!(rows), || {
        let cells: Vec<_> = rows.iter().map(cells).collect();
        table(
            &["when (UTC)", "form", "session", "code", "key", "record"],
            &cells,
        )
    })
}

fn cells(row: &RejectedRow) -> Vec<String> {
    let when = row.rejected_at.format("%Y-%m-%d %H:%M:%S").to_string();
    // What a terminal would act on came from anybody.
    let seen = row.raw.chars().filter(|letter| !letter.is_control());
    let text = |text: &str| {
        text.chars()
            .filter(|letter| !letter.is_control())
            .collect::<String>()
    };
    vec![
        when,
        row.form.clone(),
        text(&row.session),
        row.code.clone(),
        text(&row.key),
        seen.take(SHOWN).collect(),
    ]
}
