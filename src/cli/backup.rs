//! `clipper backup` and `clipper restore`: an embedded store as a folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;

use super::output::Output;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::storage::Db;
use crate::storage::backup::{self, InTheWay};

#[derive(Debug, Args)]
pub(super) struct RestoreArguments {
    /// The folder that `clipper backup` made.
    folder: PathBuf,
    /// Set a store that is there aside, under another name.
    #[arg(long)]
    force: bool,
}

pub(super) async fn backup(config: &Config, folder: &Path, output: Output) -> anyhow::Result<bool> {
    let db = Db::connect(&config.database_url())
        .await
        .context("cannot open the database")?;
    let manifest = backup::make(&db, folder, SystemClock.now()).await?;
    db.close().await;
    output.data(&json!({ "folder": folder, "backup": manifest }), || {
        format!(
            "backed up to {}: {} bytes, clip log up to {}, playback log up to {}\n\
             Media never changes once it is published: copy the media folder beside it (rsync -a).",
            folder.display(),
            manifest.bytes,
            manifest.clip_head,
            manifest.playback_head
        )
    })
}

pub(super) async fn restore(
    config: &Config,
    arguments: &RestoreArguments,
    output: Output,
) -> anyhow::Result<bool> {
    let url = config.database_url();
    let Some(database) = url.strip_prefix("sqlite:") else {
        bail!(
            "this brings an embedded store (SQLite) back; for PostgreSQL use pg_restore, see docs/operations.md"
        );
    };
    let in_the_way = if arguments.force {
        InTheWay::SetAside
    } else {
        InTheWay::Keep
    };
    let (database, _parameters) = database.split_once('?').unwrap_or((database, ""));
    let database = Path::new(database.trim_start_matches("//"));
    let restored = backup::restore(&arguments.folder, database, in_the_way, SystemClock.now()).await;
    if let Err(backup::BackupError::Exists(path)) = &restored {
        bail!("`{}` exists already; --force sets it aside", path.display());
    }
    let (manifest, moved) = restored?;
    let aside = moved
        .as_ref()
        .map(|path| format!("\nwhat was there is now {}", path.display()));
    output.data(
        &json!({ "database": database, "backup": manifest, "set_aside": moved }),
        || {
            format!(
                "restored {} of {}: clip log up to {}, playback log up to {}{}",
                database.display(),
                manifest.created_at.format("%Y-%m-%d %H:%M:%S UTC"),
                manifest.clip_head,
                manifest.playback_head,
                aside.unwrap_or_default()
            )
        },
    )
}
