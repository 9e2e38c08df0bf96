//! An event as it lies in a log.

use chrono::{DateTime, Utc};

/// An event with its place in the log.
#[derive(Clone, Debug)]
pub struct Recorded<S, E> {
    /// The place in the log's one order.
    pub position: i64,
    /// Whose event it is.
    pub stream: S,
    /// The place within its stream, from 1.
    pub version: i64,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// What happened.
    pub event: E,
}
