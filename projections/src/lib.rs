//! What can be asked: read models as pure functions from events to rows, and the queries that read them.
//!
//! Promises: nothing here runs a statement, reads a clock or knows which database runs. One SQL text serves both:
//! `$1` placeholders, explicit casts, typed NULLs. A new event does not compile until each read model has answered it.

pub mod clip_captions;
pub mod clips;
pub mod encoding_queue;
mod fold;
mod recorded;
pub mod rollups;
mod selection;
mod session;
mod statement;
pub mod storage_usage;
pub mod streaming_analytics;
mod table;
pub mod video_variants;

pub use fold::{Changes, Fold, Inapplicable, ReadModel, Stream, rows_of};
pub use recorded::{Log, RawEvent, Recorded, StoredEvent};
pub use selection::Selection;
pub use session::{Failure, Point, Rendition, Segment, Stall, Timeline};
pub use statement::{Arg, Query, Statement};
pub use table::{Column, Kind, Row, Table};

/// A read model that follows one of the logs.
#[derive(Clone, Copy, Debug)]
pub struct Projection {
    /// The name in checkpoints, metrics and commands.
    pub name: &'static str,
    /// Raised whenever the same events give other rows; the read model is then rebuilt.
    pub version: i64,
    /// The log that it follows.
    pub log: Log,
    /// The table that it owns alone.
    pub table: Table,
    /// An empty page of events.
    pub page: fn() -> Box<dyn Fold>,
}

impl Projection {
    /// Whether it follows the rows of another read model rather than events.
    pub fn is_derived(&self) -> bool {
        self.name == rollups::PROJECTION.name
    }
}

/// Every projection. Order is the order of listing only; none depends on another but the derived ones, which come last.
pub static PROJECTIONS: [Projection; 7] = [
    clips::PROJECTION,
    video_variants::PROJECTION,
    encoding_queue::PROJECTION,
    streaming_analytics::PROJECTION,
    clip_captions::PROJECTION,
    storage_usage::PROJECTION,
    rollups::PROJECTION,
];
