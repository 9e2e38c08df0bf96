//! The one door to the aggregates: load, decide, append with the expected version, adopt after the commit.

mod event_store;

use std::sync::Arc;

use clipper_domain::ClipId;
use clipper_domain::clip::{Clip, ClipCommand, ClipEvent, Refusal};
use cqrs_es::Aggregate;

pub use event_store::{ClipContext, ClipEventStore};

use crate::storage::{Append, AppendError, Expected, Log, LogWriter, Logs, StorageError, decode, encode};

/// Who asks, and under which identity the command is recognised when it comes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandContext {
    /// The command's identity.
    pub command_id: String,
    /// The user or worker.
    pub actor: String,
}

impl CommandContext {
    /// A command that is given once.
    pub fn once(actor: impl Into<String>) -> Self {
        Self {
            command_id: uuid::Uuid::now_v7().to_string(),
            actor: actor.into(),
        }
    }
}

/// A clip as far as it was read.
#[derive(Clone, Debug, Default)]
pub struct LoadedClip {
    /// Its state.
    pub clip: Clip,
    /// The version of its last event.
    pub version: i64,
}

/// What a command did.
#[derive(Clone, Debug)]
pub struct Executed {
    /// The clip afterwards.
    pub clip: Clip,
    /// What happened; nothing, when the clip knew already.
    pub events: Vec<ClipEvent>,
    /// The position of the last event in the log, when something happened.
    pub position: Option<i64>,
}

/// Why a command did nothing.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The clip refuses it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Others changed the clip again and again meanwhile.
    #[error("clip {clip} is changed by others again and again")]
    Contended {
        /// The clip.
        clip: ClipId,
    },
    /// The log takes no more at the moment.
    #[error("the log is busy")]
    Overloaded,
    /// The program is stopping.
    #[error("the program is stopping")]
    Stopping,
    /// The database failed.
    #[error("the log could not be read or written")]
    Storage(#[source] Arc<StorageError>),
}

impl From<StorageError> for CommandError {
    fn from(error: StorageError) -> Self {
        Self::Storage(Arc::new(error))
    }
}

/// How often a command is decided anew after somebody else changed the clip.
const DECISIONS: u32 = 5;

/// Executes commands on clips.
#[derive(Clone)]
pub struct ClipCommands {
    logs: Logs,
    writer: LogWriter,
    node: String,
}

impl ClipCommands {
    /// Commands on the clip log; `node` is written beside every event.
    pub fn new(logs: Logs, writer: LogWriter, node: String) -> Self {
        Self { logs, writer, node }
    }

    /// Reads what happened to a clip since it was loaded.
    pub async fn catch_up(&self, id: ClipId, held: LoadedClip) -> Result<LoadedClip, StorageError> {
        let mut loaded = held;
        for raw in self.logs.stream(Log::Clip, &id.stream(), loaded.version).await? {
            loaded.clip.apply(decode(&raw)?);
            loaded.version = raw.version;
        }
        Ok(loaded)
    }

    /// Executes a command on a clip that is held in memory. On any failure what is held stays as it was, or is newer.
    pub async fn execute(
        &self,
        id: ClipId,
        held: &mut LoadedClip,
        command: ClipCommand,
        context: &CommandContext,
    ) -> Result<Executed, CommandError> {
        let name = command_name(&command);
        let result = self.decide_and_append(id, held, command, context).await;
        let outcome = match &result {
            Ok(_) => "accepted",
            Err(CommandError::Refused(_)) => "refused",
            Err(_) => "failed",
        };
        metrics::counter!("clipper_commands_total", "command" => name, "outcome" => outcome).increment(1);
        result
    }

    async fn decide_and_append(
        &self,
        id: ClipId,
        held: &mut LoadedClip,
        command: ClipCommand,
        context: &CommandContext,
    ) -> Result<Executed, CommandError> {
        for _ in 0..DECISIONS {
            let events = match held.clip.decide(command.clone()) {
                Ok(events) => events,
                Err(refusal) => {
                    if self.refused_by_old_news(id, held).await? {
                        continue;
                    }
                    return Err(refusal.into());
                }
            };
            if events.is_empty() {
                return Ok(Executed {
                    clip: held.clip.clone(),
                    events,
                    position: None,
                });
            }
            match self.append(id, held.version, &events, context).await {
                Ok(appended) if appended.repeated => {
                    *held = self.catch_up(id, std::mem::take(held)).await?;
                    return Ok(Executed {
                        clip: held.clip.clone(),
                        events: vec![],
                        position: Some(appended.position),
                    });
                }
                Ok(appended) => {
                    events.iter().cloned().for_each(|event| held.clip.apply(event));
                    held.version = appended.version;
                    return Ok(Executed {
                        clip: held.clip.clone(),
                        events,
                        position: Some(appended.position),
                    });
                }
                Err(AppendError::Conflict { .. }) => *held = self.catch_up(id, std::mem::take(held)).await?,
                Err(AppendError::Overloaded) => return Err(CommandError::Overloaded),
                Err(AppendError::Closed) => return Err(CommandError::Stopping),
                Err(AppendError::Storage(error)) => return Err(CommandError::Storage(error)),
            }
        }
        Err(CommandError::Contended { clip: id })
    }

    /// A refusal may rest on old news when another node wrote meanwhile; it stands when there is nothing new.
    async fn refused_by_old_news(&self, id: ClipId, held: &mut LoadedClip) -> Result<bool, StorageError> {
        let before = held.version;
        *held = self.catch_up(id, std::mem::take(held)).await?;
        Ok(held.version > before)
    }

    async fn append(
        &self,
        id: ClipId,
        version: i64,
        events: &[ClipEvent],
        context: &CommandContext,
    ) -> Result<crate::storage::Appended, AppendError> {
        let encoded = events.iter().map(encode).collect::<Result<Vec<_>, _>>();
        self.writer
            .append(Append {
                stream: id.stream(),
                expected: Expected::Version(version),
                events: encoded.map_err(Arc::new)?,
                metadata: self.metadata(context),
                command_id: context.command_id.clone(),
            })
            .await
    }

    fn metadata(&self, context: &CommandContext) -> String {
        serde_json::json!({ "command_id": context.command_id, "actor": context.actor, "node": self.node })
            .to_string()
    }
}

fn command_name(command: &ClipCommand) -> &'static str {
    match command {
        ClipCommand::Register(_) => "register",
        ClipCommand::StoreSource(_) => "store_source",
        ClipCommand::StartEncoding { .. } => "start_encoding",
        ClipCommand::RecordProbe { .. } => "record_probe",
        ClipCommand::RejectSource { .. } => "reject_source",
        ClipCommand::PublishVariant { .. } => "publish_variant",
        ClipCommand::GiveUpVariant { .. } => "give_up_variant",
        ClipCommand::FinishEncoding { .. } => "finish_encoding",
        ClipCommand::FailEncoding { .. } => "fail_encoding",
    }
}
