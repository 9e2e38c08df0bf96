//! `clipper import`: makes clips known that live elsewhere. What is known already is left as it is, so that a file may
//! be given again; a line that cannot be used costs the others nothing.

mod line;
mod read;

use std::collections::HashSet;
use std::iter::Peekable;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::Args;
use clipper_domain::clip::{ClipCommand, Refusal, Registration};
use clipper_domain::{ClipId, PersonId};
use futures_util::future::try_join_all;
use serde_json::json;
use uuid::Uuid;

use self::line::Line;
use super::output::Output;
use super::store::Store;
use crate::clock::{Clock, SystemClock};
use crate::commands::CommandError;
use crate::config::Config;
use crate::storage::people;

/// Lines that are registered at once, which share commits.
const AT_ONCE: usize = 64;

#[derive(Debug, Args)]
pub(super) struct ImportArguments {
    /// CSV with a line of headings, or one JSON object a line: id, title, owner, `embed_url`, `twitch_clip_url`,
    /// `source_url`, views, `created_at`.
    file: PathBuf,
    /// Only check the lines, one by one, and tell what would be done.
    #[arg(long)]
    dry_run: bool,
}

/// What became of a line.
enum Outcome {
    Registered,
    Known,
    Bad(String),
}

/// A line that cannot be used.
struct BadLine {
    number: u64,
    reason: String,
}

pub(super) async fn import(
    config: &Config,
    arguments: &ImportArguments,
    output: Output,
) -> anyhow::Result<bool> {
    let store = Store::open(config).await?;
    let (mut registered, mut known) = (0, 0);
    let mut bad = vec![];
    let mut lines = open(&arguments.file)?.peekable();
    while lines.peek().is_some() {
        let batch = batch(&mut lines).into_iter().map(async |(number, line)| {
            let taken = take(&store, line, arguments.dry_run).await;
            Ok::<_, anyhow::Error>((number, taken.with_context(|| format!("line {number}"))?))
        });
        for (number, outcome) in try_join_all(batch).await? {
            match outcome {
                Outcome::Registered => registered += 1,
                Outcome::Known => known += 1,
                Outcome::Bad(reason) => {
                    output.note(&format!("line {number}: {reason}"));
                    bad.push(BadLine { number, reason });
                }
            }
        }
    }
    store.close().await;
    report(output, registered, known, &bad, arguments.dry_run)?;
    Ok(bad.is_empty())
}

fn open(path: &Path) -> anyhow::Result<read::Lines> {
    read::lines(path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// The lines that come next and can be registered at once. Two that name the same clip never can: the first of them
/// has it.
fn batch(lines: &mut Peekable<read::Lines>) -> Vec<read::Numbered> {
    let mut clips = HashSet::new();
    let mut apart = |(_, line): &read::Numbered| line.as_ref().map_or(true, |line| clips.insert(line.id));
    let mut batch = vec![];
    while batch.len() < AT_ONCE
        && let Some(line) = lines.next_if(&mut apart)
    {
        batch.push(line);
    }
    batch
}

async fn take(store: &Store, line: Result<Line, String>, dry_run: bool) -> anyhow::Result<Outcome> {
    let line = match line {
        Ok(line) => line,
        Err(reason) => return Ok(Outcome::Bad(reason)),
    };
    let known = people::find(&store.db, &line.owner).await?;
    let owner = match known {
        Some(person) => person,
        None if dry_run => PersonId(Uuid::nil()),
        None => people::find_or_add(&store.db, &line.owner, Uuid::new_v4(), now()).await?,
    };
    let (id, registration) = line.registration(owner);
    if dry_run {
        return Ok(compare(store, id, owner).await?.unwrap_or(Outcome::Registered));
    }
    register(store, id, registration).await
}

fn now() -> DateTime<Utc> {
    SystemClock.now()
}

async fn register(store: &Store, id: ClipId, registration: Registration) -> anyhow::Result<Outcome> {
    let owner = registration.owner;
    match store.execute(id, ClipCommand::Register(registration)).await {
        Ok(executed) if executed.events.is_empty() => Ok(Outcome::Known),
        Ok(_) => Ok(Outcome::Registered),
        Err(CommandError::Refused(Refusal::SlugTaken { .. })) => {
            Ok(compare(store, id, owner).await?.unwrap_or(Outcome::Known))
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether a clip is known, and whose it is; nothing, when it is not.
async fn compare(store: &Store, id: ClipId, owner: PersonId) -> anyhow::Result<Option<Outcome>> {
    let loaded = store.load(id).await?;
    Ok(loaded.clip.registration().map(|known| {
        if known.owner == owner {
            Outcome::Known
        } else {
            Outcome::Bad(format!("`{}` is somebody else's clip", known.slug))
        }
    }))
}

fn report(
    output: Output,
    registered: u64,
    known: u64,
    bad: &[BadLine],
    dry_run: bool,
) -> anyhow::Result<bool> {
    let lines: Vec<_> = bad
        .iter()
        .map(|line| json!({ "line": line.number, "reason": line.reason }))
        .collect();
    let data = json!({ "registered": registered, "known": known, "bad": lines, "dry_run": dry_run });
    output.data(&data, || {
        let verb = if dry_run { "to be registered" } else { "registered" };
        format!(
            "{registered} {verb}, {known} known already, {} bad lines",
            bad.len()
        )
    })
}
