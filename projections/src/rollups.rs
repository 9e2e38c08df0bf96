//! `qoe_rollups_minute`, `_hour` and `_day`: what sessions come to, in buckets of time.
//!
//! A roll-up is a function of the rows of `video_streaming_analytics`, whatever the order in which they came to be: a
//! session counts at its beginning, with whole numbers, and `qoe_rollups_session` remembers what it is counted with. When
//! its row changes, that is taken out and the new is put in. No bucket is ever closed.

mod ask;
mod cell;
mod member;
mod metrics;
mod packed;
mod sketch;
mod sums;
mod tally;
mod viewers;

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

pub use ask::{By, Part, Question, Source, SumRow, push};
pub use cell::{CellRow, Distribution, Key, Level, Sketches};
pub use member::{DIMENSIONS, MemberRow, SLOT_MS};
pub use metrics::{Formula, METRICS, Metric, SMALL_SAMPLE, Unit};
pub use sketch::{ALPHA, Sketch};
pub use sums::Sums;
pub use tally::{Cells, ConcurrencyRow, Recount, concurrency, recount, touched};
pub use viewers::{Viewers, hash};

use crate::{Changes, Fold, Inapplicable, Log, Projection, RawEvent, Row, Table};

/// The roll-ups. They follow the rows of sessions, and stand where these stood when they were counted last.
pub const PROJECTION: Projection = Projection {
    name: "qoe_rollups",
    version: 1,
    log: Log::Playback,
    table: SESSIONS,
    page: || Box::new(Gather::<MemberRow>::default()),
};

/// What each session is counted with.
pub const SESSIONS: Table = Table {
    name: "qoe_rollups_session",
    key: &["id"],
    stream: "id",
    since: None,
    columns: MemberRow::COLUMNS,
};

/// Viewers at a time.
pub const CONCURRENCY: Table = Table {
    name: "qoe_concurrent_viewers",
    key: &["clip", "bucket"],
    stream: "clip",
    since: None,
    columns: ConcurrencyRow::COLUMNS,
};

const fn cells(name: &'static str) -> Table {
    Table {
        name,
        key: &["clip", "dimension", "bucket", "value"],
        stream: "clip",
        since: None,
        columns: CellRow::COLUMNS,
    }
}

const MINUTES: Table = cells("qoe_rollups_minute");
const HOURS: Table = cells("qoe_rollups_hour");
const DAYS: Table = cells("qoe_rollups_day");

impl Level {
    /// The table of its cells.
    pub fn table(self) -> &'static Table {
        match self {
            Self::Minute => &MINUTES,
            Self::Hour => &HOURS,
            Self::Day => &DAYS,
        }
    }
}

/// Every table of the roll-ups.
pub static TABLES: [&Table; 5] = [&SESSIONS, &MINUTES, &HOURS, &DAYS, &CONCURRENCY];

/// Rows as they are loaded, to be read rather than folded.
#[derive(Debug)]
pub struct Gather<R> {
    /// The rows.
    pub rows: Vec<R>,
}

impl<R> Default for Gather<R> {
    fn default() -> Self {
        Self { rows: vec![] }
    }
}

impl<R: Row> Fold for Gather<R> {
    fn load_sqlite(&mut self, rows: &[SqliteRow]) -> sqlx::Result<()> {
        for row in rows {
            self.rows.push(R::from_row(row)?);
        }
        Ok(())
    }

    fn load_postgres(&mut self, rows: &[PgRow]) -> sqlx::Result<()> {
        for row in rows {
            self.rows.push(R::from_row(row)?);
        }
        Ok(())
    }

    fn apply(&mut self, _: &RawEvent) -> Result<(), Inapplicable> {
        Ok(())
    }

    fn changes(&self) -> Changes {
        Changes::default()
    }
}

#[cfg(test)]
mod tests;
