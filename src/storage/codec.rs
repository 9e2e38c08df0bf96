//! Events as they lie in the log: a type name, a schema version and a JSON payload.

use cqrs_es::DomainEvent;
use serde_json::Value;

use super::{NewEvent, RawEvent, StorageError};

/// Splits an event into its type and its payload.
pub fn encode<E: DomainEvent>(event: &E) -> Result<NewEvent, StorageError> {
    let event_type = event.event_type();
    let mut tagged = serde_json::to_value(event).map_err(StorageError::Encode)?;
    // Events are externally tagged enums: one object with one member, named like the type.
    let payload = tagged.get_mut(&event_type).map(Value::take).unwrap_or_default();
    Ok(NewEvent {
        event_type,
        schema_version: event.event_version().parse().unwrap_or(1),
        payload: payload.to_string(),
    })
}

/// Puts an event together again.
pub fn decode<E: DomainEvent>(raw: &RawEvent) -> Result<E, StorageError> {
    let unreadable = |source| StorageError::UnreadableEvent {
        position: raw.position,
        event_type: raw.event_type.clone(),
        schema_version: raw.schema_version,
        source,
    };
    let payload: Value = serde_json::from_str(&raw.payload).map_err(unreadable)?;
    let tagged = Value::Object(std::iter::once((raw.event_type.clone(), payload)).collect());
    serde_json::from_value(tagged).map_err(unreadable)
}
