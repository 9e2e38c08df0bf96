//! Folding events into rows: pure, in memory, a page of events at a time.

use std::collections::HashMap;

use clipper_domain::schema::{Schema, Unreadable};
use clipper_domain::{ClipId, InvalidId, SessionId};
use sqlx::FromRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::{Arg, RawEvent, Recorded, Row};

/// The identity that a stream's name carries.
pub trait Stream: Copy + Send + 'static {
    /// Reads the identity out of the name.
    fn parse(stream: &str) -> Result<Self, InvalidId>;

    /// The identity itself.
    fn uuid(self) -> Uuid;
}

impl Stream for ClipId {
    fn parse(stream: &str) -> Result<Self, InvalidId> {
        Self::from_stream(stream)
    }

    fn uuid(self) -> Uuid {
        self.0
    }
}

impl Stream for SessionId {
    fn parse(stream: &str) -> Result<Self, InvalidId> {
        Self::from_stream(stream)
    }

    fn uuid(self) -> Uuid {
        self.0
    }
}

/// A read model: how the events of a stream become the rows of that stream.
pub trait ReadModel: 'static {
    /// What the streams are about.
    type Stream: Stream;
    /// What happens in them.
    type Event: Schema;
    /// What a stream becomes.
    type Row: Row;

    /// Applies an event to the rows of its stream.
    fn fold(rows: &mut Vec<Self::Row>, event: &Recorded<Self::Stream, Self::Event>);
}

/// Why an event cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum Inapplicable {
    /// The event is not readable.
    #[error(transparent)]
    Event(#[from] Unreadable),
    /// The name of its stream carries no identity.
    #[error("the stream has a broken name")]
    Stream(#[from] InvalidId),
}

/// What has to be written so that a table shows the events that were applied.
#[derive(Debug, Default, PartialEq)]
pub struct Changes {
    /// Rows that are new or different, as values in the order of the columns.
    pub written: Vec<Vec<Arg>>,
    /// Rows that are gone.
    pub removed: Vec<Vec<Arg>>,
}

/// The rows of the streams of one page of events.
pub trait Fold: Send {
    /// Takes in the rows that SQLite holds for the streams of the page.
    fn load_sqlite(&mut self, rows: &[SqliteRow]) -> sqlx::Result<()>;

    /// Takes in the rows that PostgreSQL holds for the streams of the page.
    fn load_postgres(&mut self, rows: &[PgRow]) -> sqlx::Result<()>;

    /// Applies an event; on an error nothing has changed.
    fn apply(&mut self, event: &RawEvent) -> Result<(), Inapplicable>;

    /// What is different from what was loaded.
    fn changes(&self) -> Changes;
}

/// A page under a read model.
pub(crate) struct Page<M: ReadModel> {
    streams: HashMap<Uuid, Rows<M::Row>>,
    /// Where the table's key and the stream's identity stand among the columns.
    key: Vec<usize>,
    stream: usize,
}

struct Rows<R> {
    stored: Vec<R>,
    folded: Vec<R>,
}

impl<R> Default for Rows<R> {
    fn default() -> Self {
        Self {
            stored: vec![],
            folded: vec![],
        }
    }
}

impl<M: ReadModel> Page<M> {
    /// An empty page over a table with this key and this column of streams.
    pub(crate) fn boxed(key: &[&str], stream: &str) -> Box<dyn Fold> {
        let place = |name: &str| M::Row::COLUMNS.iter().position(|column| column.name == name);
        Box::new(Self {
            streams: HashMap::new(),
            key: key.iter().filter_map(|name| place(name)).collect(),
            stream: place(stream).unwrap_or_default(),
        })
    }

    fn load(&mut self, row: M::Row) {
        let Some(Arg::Uuid(Some(stream))) = row.values().into_iter().nth(self.stream) else {
            return;
        };
        let rows = self.streams.entry(stream).or_default();
        rows.stored.push(row.clone());
        rows.folded.push(row);
    }

    fn key_of(&self, row: &M::Row) -> Vec<Arg> {
        let values = row.values();
        let place = |place: &usize| values.get(*place).cloned();
        self.key.iter().filter_map(place).collect()
    }
}

impl<M: ReadModel> Fold for Page<M> {
    fn load_sqlite(&mut self, rows: &[SqliteRow]) -> sqlx::Result<()> {
        for row in rows {
            self.load(M::Row::from_row(row)?);
        }
        Ok(())
    }

    fn load_postgres(&mut self, rows: &[PgRow]) -> sqlx::Result<()> {
        for row in rows {
            self.load(M::Row::from_row(row)?);
        }
        Ok(())
    }

    fn apply(&mut self, raw: &RawEvent) -> Result<(), Inapplicable> {
        let stream = M::Stream::parse(&raw.stream_id)?;
        let events = raw.read::<M::Event>()?;
        let rows = &mut self.streams.entry(stream.uuid()).or_default().folded;
        for event in events {
            let recorded = Recorded {
                position: raw.position,
                stream,
                version: raw.version,
                recorded_at: raw.recorded_at,
                event,
            };
            M::fold(rows, &recorded);
        }
        Ok(())
    }

    fn changes(&self) -> Changes {
        let mut changes = Changes::default();
        for rows in self.streams.values() {
            if rows.stored == rows.folded {
                continue;
            }
            let changed = rows.folded.iter().filter(|row| !rows.stored.contains(row));
            changes.written.extend(changed.map(Row::values));
            let kept: Vec<_> = rows.folded.iter().map(|row| self.key_of(row)).collect();
            let keys = rows.stored.iter().map(|row| self.key_of(row));
            changes.removed.extend(keys.filter(|key| !kept.contains(key)));
        }
        changes
    }
}

/// The rows that the events of one stream become; an event that cannot be applied is named.
pub fn rows_of<M: ReadModel>(events: &[RawEvent]) -> Result<Vec<M::Row>, (&RawEvent, Inapplicable)> {
    let mut page = Page::<M> {
        streams: HashMap::new(),
        key: vec![],
        stream: 0,
    };
    for event in events {
        page.apply(event).map_err(|error| (event, error))?;
    }
    Ok(page.streams.into_values().flat_map(|rows| rows.folded).collect())
}
