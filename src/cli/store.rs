//! The store as the command line uses it: the database, the logs, and commands to clips beside whatever server runs.

use anyhow::Context;
use clipper_domain::ClipId;
use clipper_domain::clip::ClipCommand;
use clipper_projections::clips::{self, ClipRow};

use std::sync::Arc;

use crate::clock::SystemClock;
use crate::commands::{ClipCommands, CommandContext, CommandError, Executed, LoadedClip};
use crate::config::Config;
use crate::shutdown::Shutdown;
use crate::storage::{Db, Log, LogWriter, Logs, StorageError};

/// Whom events name for what is done from the command line.
pub(super) const ACTOR: &str = "operator";

/// An open store.
pub(super) struct Store {
    pub(super) db: Db,
    pub(super) logs: Logs,
    pub(super) commands: ClipCommands,
    writing: Shutdown,
}

impl Store {
    pub(super) async fn open(config: &Config) -> anyhow::Result<Self> {
        let db = Db::open(&config.database_url())
            .await
            .context("cannot open the database")?;
        let logs = Logs::new(db.clone());
        let writing = Shutdown::new();
        let (writer, task) = LogWriter::new(db.clone(), Log::Clip, Arc::new(SystemClock));
        writing.spawn("clip log", task);
        let node = format!("command line, process {}", std::process::id());
        Ok(Self {
            commands: ClipCommands::new(logs.clone(), writer, node),
            db,
            logs,
            writing,
        })
    }

    /// The clip with this UUID or slug.
    pub(super) async fn find(&self, name: &str) -> anyhow::Result<ClipRow> {
        self.db
            .optional(clips::by_name(name))
            .await?
            .with_context(|| format!("there is no clip `{name}`"))
    }

    /// The clip with this UUID or slug, also a deleted one.
    pub(super) async fn find_even_deleted(&self, name: &str) -> anyhow::Result<ClipRow> {
        self.db
            .optional(clips::by_name_in(name, clips::Which::All))
            .await?
            .with_context(|| format!("there never was a clip `{name}`"))
    }

    /// A clip as the log tells it.
    pub(super) async fn load(&self, clip: ClipId) -> Result<LoadedClip, StorageError> {
        self.commands.catch_up(clip, LoadedClip::default()).await
    }

    pub(super) async fn execute(&self, clip: ClipId, command: ClipCommand) -> Result<Executed, CommandError> {
        let mut held = self.load(clip).await?;
        let context = CommandContext::once(ACTOR);
        self.commands.execute(clip, &mut held, command, &context).await
    }

    pub(super) async fn close(self) {
        self.writing.abandon().await;
        self.db.close().await;
    }
}
