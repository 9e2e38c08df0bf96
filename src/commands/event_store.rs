//! Our log as an event store of cqrs-es, for those who bring their own `CqrsFramework`.

use std::collections::HashMap;

use clipper_domain::ClipId;
use clipper_domain::clip::{Clip, ClipEvent, Refusal};
use cqrs_es::{AggregateContext, AggregateError, EventEnvelope, EventStore};

use super::{ClipCommands, CommandContext, LoadedClip};
use crate::storage::{AppendError, Log, StoredEvent};

/// The clip log behind the interface of cqrs-es.
#[derive(Clone)]
pub struct ClipEventStore {
    commands: ClipCommands,
}

/// A clip on its way through a command of cqrs-es.
#[derive(Debug)]
pub struct ClipContext {
    id: ClipId,
    loaded: LoadedClip,
}

impl ClipEventStore {
    /// The store that these commands write to.
    pub fn new(commands: ClipCommands) -> Self {
        Self { commands }
    }
}

impl AggregateContext<Clip> for ClipContext {
    fn aggregate(&mut self) -> &mut Clip {
        std::sync::Arc::make_mut(&mut self.loaded.clip)
    }
}

type Result<T> = std::result::Result<T, AggregateError<Refusal>>;

impl EventStore<Clip> for ClipEventStore {
    type AC = ClipContext;

    async fn load_events(&self, aggregate_id: &str) -> Result<Vec<EventEnvelope<Clip>>> {
        let id = parse(aggregate_id)?;
        let raw = self
            .commands
            .logs
            .stream(Log::Clip, &id.stream(), 0)
            .await
            .map_err(unexpected)?;
        let mut envelopes = vec![];
        for raw in &raw {
            envelopes.extend(envelopes_of(aggregate_id, raw)?);
        }
        Ok(envelopes)
    }

    async fn load_aggregate(&self, aggregate_id: &str) -> Result<ClipContext> {
        let id = parse(aggregate_id)?;
        let loaded = self
            .commands
            .catch_up(id, LoadedClip::default())
            .await
            .map_err(unexpected)?;
        Ok(ClipContext { id, loaded })
    }

    async fn commit(
        &self,
        events: Vec<ClipEvent>,
        context: ClipContext,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<Clip>>> {
        let mut command = CommandContext::once("cqrs-es");
        if let Some(command_id) = metadata.get("command_id") {
            command.command_id.clone_from(command_id);
        }
        let ClipContext { id, loaded } = context;
        if !events.is_empty() {
            self.commands
                .append(id, loaded.version, &events, &command)
                .await
                .map_err(|error| match error {
                    AppendError::Conflict { .. } => AggregateError::AggregateConflict,
                    AppendError::Overloaded | AppendError::Closed | AppendError::Storage(_) => {
                        unexpected(error)
                    }
                })?;
        }
        let first = usize::try_from(loaded.version).unwrap_or_default() + 1;
        let envelope = |(sequence, payload)| EventEnvelope {
            aggregate_id: id.to_string(),
            sequence,
            payload,
            metadata: metadata.clone(),
        };
        Ok((first..).zip(events).map(envelope).collect())
    }
}

fn envelopes_of(aggregate_id: &str, stored: &StoredEvent) -> Result<Vec<EventEnvelope<Clip>>> {
    let envelope = |payload| EventEnvelope {
        aggregate_id: aggregate_id.to_owned(),
        sequence: usize::try_from(stored.event.version).unwrap_or_default(),
        payload,
        metadata: serde_json::from_str(&stored.metadata).unwrap_or_default(),
    };
    Ok(stored
        .event
        .read()
        .map_err(unexpected)?
        .into_iter()
        .map(envelope)
        .collect())
}

fn parse(aggregate_id: &str) -> Result<ClipId> {
    aggregate_id.parse().map_err(unexpected)
}

fn unexpected(error: impl std::error::Error + Send + Sync + 'static) -> AggregateError<Refusal> {
    AggregateError::UnexpectedError(Box::new(error))
}
