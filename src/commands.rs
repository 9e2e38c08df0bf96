//! The one door to the aggregates: load, decide, append with the expected version, adopt after the commit.

mod event_store;

use std::collections::HashMap;
use std::sync::Arc;

use clipper_domain::ClipId;
use clipper_domain::clip::{Clip, ClipCommand, ClipEvent, Refusal, WorkStep};
use clipper_domain::schema;
use cqrs_es::Aggregate;

pub use event_store::{ClipContext, ClipEventStore};

use crate::storage::{Append, AppendError, Expected, Log, LogWriter, Logs, StorageError, StoredEvent};

/// Who asks, under which identity the command is recognised when it comes again, and what it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandContext {
    /// The command's identity.
    pub command_id: String,
    /// The person (by pseudonym) or worker.
    pub actor: String,
    /// What everything that came of one request has in common.
    pub correlation_id: String,
    /// The event that led to the command, as `log/position`, if one did.
    pub causation_id: Option<String>,
}

impl CommandContext {
    /// A command that is given once, out of nothing else.
    pub fn once(actor: impl Into<String>) -> Self {
        let command_id = uuid::Uuid::now_v7().to_string();
        Self {
            correlation_id: command_id.clone(),
            command_id,
            actor: actor.into(),
            causation_id: None,
        }
    }

    /// A command that an event of the clip log led to.
    pub fn following(cause: &StoredEvent, actor: impl Into<String>) -> Self {
        let metadata: serde_json::Value = serde_json::from_str(&cause.metadata).unwrap_or_default();
        let correlation_id = metadata.get("correlation_id").and_then(serde_json::Value::as_str);
        let once = Self::once(actor);
        Self {
            correlation_id: correlation_id.map_or(once.correlation_id, str::to_owned),
            causation_id: Some(format!("{}/{}", Log::Clip.name(), cause.event.position)),
            ..once
        }
    }

    /// What is written beside each event, as JSON.
    pub fn metadata(&self, node: &str) -> String {
        #[derive(serde::Serialize)]
        struct Metadata<'a> {
            command_id: &'a str,
            actor: &'a str,
            node: &'a str,
            correlation_id: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            causation_id: Option<&'a str>,
        }
        let metadata = Metadata {
            command_id: &self.command_id,
            actor: &self.actor,
            node,
            correlation_id: &self.correlation_id,
            causation_id: self.causation_id.as_deref(),
        };
        serde_json::to_string(&metadata).unwrap_or_default()
    }
}

/// A clip as far as it was read.
#[derive(Clone, Debug, Default)]
pub struct LoadedClip {
    /// Its state; shared with those who were told of it.
    pub clip: Arc<Clip>,
    /// The version of its last event.
    pub version: i64,
    /// Its position.
    position: i64,
    /// The commands that were executed on it, each with the position of its last event.
    commands: HashMap<String, i64>,
}

impl LoadedClip {
    fn remember(&mut self, command_id: Option<String>, position: i64, version: i64) {
        self.version = version;
        self.position = position;
        if let Some(command_id) = command_id {
            self.commands.insert(command_id, position);
        }
    }

    /// What a repeated command is answered with: that it was executed, and where its events lie.
    fn executed_before(&self, command_id: &str) -> Option<Executed> {
        let position = *self.commands.get(command_id)?;
        Some(Executed {
            clip: Arc::clone(&self.clip),
            events: vec![],
            position,
        })
    }
}

/// What a command did.
#[derive(Clone, Debug)]
pub struct Executed {
    /// The clip afterwards.
    pub clip: Arc<Clip>,
    /// What happened; nothing, when the clip knew already.
    pub events: Vec<ClipEvent>,
    /// The position of the command's last event, or of the clip's when nothing happened: who waits for a read model to
    /// reach it sees what the command saw.
    pub position: i64,
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
        for stored in self.logs.stream(Log::Clip, &id.stream(), loaded.version).await? {
            let raw = stored.event;
            let events = raw.read().map_err(|source| StorageError::Unreadable {
                position: raw.position,
                source,
            })?;
            let clip = Arc::make_mut(&mut loaded.clip);
            for event in events {
                clip.apply(event);
            }
            loaded.remember(stored.command_id, raw.position, raw.version);
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
            if let Some(executed) = held.executed_before(&context.command_id) {
                return Ok(executed);
            }
            let events = match held.clip.decide(command.clone()) {
                Ok(events) => events,
                Err(refusal) => {
                    if self.is_behind(id, held).await? {
                        continue;
                    }
                    return Err(refusal.into());
                }
            };
            if events.is_empty() {
                if self.is_behind(id, held).await? {
                    continue;
                }
                return Ok(Executed {
                    clip: Arc::clone(&held.clip),
                    events,
                    position: held.position,
                });
            }
            match self.append(id, held.version, &events, context).await {
                // Another node executed it first, or a commit whose outcome was not known: what it did is read.
                Ok(appended) if appended.repeated => *held = self.catch_up(id, std::mem::take(held)).await?,
                Ok(appended) => {
                    let clip = Arc::make_mut(&mut held.clip);
                    for event in &events {
                        clip.apply(event.clone());
                    }
                    let command_id = Some(context.command_id.clone());
                    held.remember(command_id, appended.position, appended.version);
                    return Ok(Executed {
                        clip: Arc::clone(&held.clip),
                        events,
                        position: appended.position,
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

    /// A refusal, or that there is nothing to do, may rest on old news when another node wrote meanwhile; it stands when
    /// there is nothing new.
    async fn is_behind(&self, id: ClipId, held: &mut LoadedClip) -> Result<bool, StorageError> {
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
        let written = events.iter().map(schema::write).collect::<Result<Vec<_>, _>>();
        self.writer
            .append(Append {
                stream: id.stream(),
                expected: Expected::Version(version),
                events: written.map_err(|error| Arc::new(StorageError::Encode(error)))?,
                metadata: context.metadata(&self.node),
                command_id: context.command_id.clone(),
            })
            .await
    }
}

fn command_name(command: &ClipCommand) -> &'static str {
    match command {
        ClipCommand::Register(_) => "register",
        ClipCommand::ChangeDetails { .. } => "change_details",
        ClipCommand::Delete { .. } => "delete",
        ClipCommand::Restore => "restore",
        ClipCommand::StartPurge { .. } => "start_purge",
        ClipCommand::FinishPurge { .. } => "finish_purge",
        ClipCommand::StoreSource { .. } => "store_source",
        ClipCommand::RequestEncoding(_) => "request_encoding",
        ClipCommand::CancelEncoding => "cancel_encoding",
        ClipCommand::AddCaptions(_) => "add_captions",
        ClipCommand::RemoveCaptions(_) => "remove_captions",
        ClipCommand::ChoosePoster(_) => "choose_poster",
        ClipCommand::ResetPoster => "reset_poster",
        ClipCommand::Work { step, .. } => match step {
            WorkStep::Start { .. } => "start_encoding",
            WorkStep::RecordProbe { .. } => "record_probe",
            WorkStep::RejectSource(_) => "reject_source",
            WorkStep::RecordSegments { .. } => "record_segments",
            WorkStep::AbandonCopy { .. } => "abandon_copy",
            WorkStep::CompleteUnit => "complete_unit",
            WorkStep::PublishVariant(_) => "publish_variant",
            WorkStep::SkipVariant { .. } => "skip_variant",
            WorkStep::GiveUpVariant { .. } => "give_up_variant",
            WorkStep::RecordThumbnails(_) => "record_thumbnails",
            WorkStep::Finish => "finish_encoding",
            WorkStep::Fail { .. } => "fail_encoding",
        },
    }
}
