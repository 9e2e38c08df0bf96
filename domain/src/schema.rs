//! How events are written and read back: a published event is never edited, so a new shape is a new version, and old
//! ones are brought up to date while they are read.

use cqrs_es::DomainEvent;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// An event as it lies in a log: the name of its type, the version of its shape, and its payload.
#[derive(Clone, Debug, PartialEq)]
pub struct Written<P> {
    /// The name of the type.
    pub event_type: String,
    /// The version of its shape, from 1.
    pub schema_version: i64,
    /// What happened, as JSON.
    pub payload: P,
}

/// Events whose shapes have a history.
///
/// They are externally tagged enums: one JSON object with one member, named like the type.
pub trait Schema: DomainEvent + Serialize + DeserializeOwned {
    /// Every type with the version in which it is written today.
    const VERSIONS: &'static [(&'static str, i64)];

    /// The version in which a type is written today; nothing for a type that is not known.
    fn current_version(event_type: &str) -> Option<i64> {
        let known = Self::VERSIONS.iter().find(|(name, _)| *name == event_type);
        known.map(|(_, version)| *version)
    }

    /// Brings an event of an older shape one version nearer to today's. It may become none, one or several.
    fn upcast(old: Written<Value>) -> Result<Vec<Written<Value>>, Unreadable>;
}

/// Why an event cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The type is not known, or its version is newer than this program.
    #[error("`{event_type}` in schema version {schema_version} is not known to this program")]
    Unknown {
        /// The type.
        event_type: String,
        /// The version.
        schema_version: i64,
    },
    /// The payload has another shape than its version says.
    #[error("`{event_type}` in schema version {schema_version} has another shape than it should have")]
    Shape {
        /// The type.
        event_type: String,
        /// The version.
        schema_version: i64,
        /// What the reader says.
        #[source]
        source: serde_json::Error,
    },
}

impl<P> Written<P> {
    /// The payload has another shape than the version says.
    pub fn misshapen(&self, source: serde_json::Error) -> Unreadable {
        Unreadable::Shape {
            event_type: self.event_type.clone(),
            schema_version: self.schema_version,
            source,
        }
    }

    fn unknown(&self) -> Unreadable {
        Unreadable::Unknown {
            event_type: self.event_type.clone(),
            schema_version: self.schema_version,
        }
    }
}

/// Splits an event into its type and its payload.
pub fn write<E: Schema>(event: &E) -> Result<Written<String>, serde_json::Error> {
    let event_type = event.event_type();
    let tagged = serde_json::to_string(event)?;
    // `{"Type":…}` around the payload. What is not tagged like that has no payload of its own.
    let payload = tagged
        .strip_prefix("{\"")
        .and_then(|rest| rest.strip_prefix(event_type.as_str()))
        .and_then(|rest| rest.strip_prefix("\":"))
        .and_then(|rest| rest.strip_suffix('}'))
        .unwrap_or("null")
        .to_owned();
    let schema_version = event.event_version().parse().unwrap_or(1);
    Ok(Written {
        event_type,
        schema_version,
        payload,
    })
}

/// Puts an event together again, in today's shape.
pub fn read<E: Schema>(written: Written<&str>) -> Result<Vec<E>, Unreadable> {
    if E::current_version(&written.event_type) == Some(written.schema_version) {
        let tagged = format!("{{\"{}\":{}}}", written.event_type, written.payload);
        let event = serde_json::from_str(&tagged).map_err(|source| written.misshapen(source))?;
        return Ok(vec![event]);
    }
    let payload = serde_json::from_str(written.payload).map_err(|source| written.misshapen(source))?;
    read_value(Written {
        payload,
        event_type: written.event_type,
        schema_version: written.schema_version,
    })
}

fn read_value<E: Schema>(written: Written<Value>) -> Result<Vec<E>, Unreadable> {
    let current = E::current_version(&written.event_type).ok_or_else(|| written.unknown())?;
    if written.schema_version == current {
        let tagged = Value::Object(
            [(written.event_type.clone(), written.payload.clone())]
                .into_iter()
                .collect(),
        );
        let event = serde_json::from_value(tagged).map_err(|source| written.misshapen(source))?;
        return Ok(vec![event]);
    }
    if !(1..current).contains(&written.schema_version) {
        return Err(written.unknown());
    }
    let mut events = vec![];
    for newer in E::upcast(written)? {
        events.extend(read_value(newer)?);
    }
    Ok(events)
}
