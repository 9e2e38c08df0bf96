//! What can be asked: read models as pure functions from events to SQL statements, with the rows and queries that
//! read them.
//!
//! Promises: nothing here runs a statement, reads a clock or knows which database runs. One SQL text serves both:
//! `$1` placeholders, `ON CONFLICT … DO UPDATE`, explicit casts, typed NULLs. A new event does not compile until each
//! projection has answered it.

pub mod clips;
pub mod encoding_queue;
mod recorded;
mod session_fold;
mod statement;
pub mod streaming_analytics;
pub mod video_variants;

use clipper_domain::clip::ClipEvent;
use clipper_domain::report::PlaybackEvent;
use clipper_domain::{ClipId, SessionId};

pub use recorded::Recorded;
pub use statement::{Arg, Query, Statement};

/// A read model that follows one of the logs.
#[derive(Clone, Copy, Debug)]
pub struct Projection {
    /// The name in checkpoints, metrics and commands.
    pub name: &'static str,
    /// Raised whenever the same events give other rows; the read model is then rebuilt.
    pub version: i32,
    /// The tables that it owns alone.
    pub tables: &'static [Table],
    /// How events become statements.
    pub fold: Fold,
}

/// A table that one projection owns.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The columns of its key, as they stand in SQL.
    pub key: &'static str,
}

/// How events of a log become statements.
#[derive(Clone, Copy, Debug)]
pub enum Fold {
    /// Follows the clip log; each event stands for itself.
    Clips(fn(&Recorded<ClipId, ClipEvent>) -> Vec<Statement>),
    /// Follows the playback log; a session's row is folded from its last state and the event.
    Sessions {
        /// Reads the state that was last stored for a session.
        state_of: fn(SessionId) -> Query<StateRow>,
        /// Folds an event into a state.
        fold: fn(Option<&str>, &Recorded<SessionId, PlaybackEvent>) -> Vec<Statement>,
    },
}

/// The stored state of a folded row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct StateRow {
    /// JSON that only the fold understands.
    pub state: String,
}

/// Every projection. Order is the order of listing only; none depends on another.
pub const PROJECTIONS: [Projection; 4] = [
    clips::PROJECTION,
    video_variants::PROJECTION,
    encoding_queue::PROJECTION,
    streaming_analytics::PROJECTION,
];
