//! `video_streaming_analytics`: one row per playback session.

mod list;
mod retention;
mod row;
mod totals;

use clipper_domain::SessionId;
use clipper_domain::report::PlaybackEvent;

use crate::fold::Page;
use crate::{Log, Projection, ReadModel, Recorded, Row, Table};

pub use list::{Listing, Order, Place, Value, by_id, page};
pub use retention::{Bucket, MILESTONES, PassesRow, Retention, passes};
pub use row::SessionRow;
pub use totals::{StartupRow, TotalsRow, startups, totals};

/// The read model `video_streaming_analytics`. Version 4 knows which parts of a clip a session saw.
pub const PROJECTION: Projection = Projection {
    name: "video_streaming_analytics",
    version: 4,
    log: Log::Playback,
    table: TABLE,
    page: || Page::<Sessions>::boxed(TABLE.key, TABLE.stream),
};

const TABLE: Table = Table {
    name: "video_streaming_analytics",
    key: &["id"],
    stream: "id",
    since: Some("position"),
    columns: SessionRow::COLUMNS,
};

/// How reports become rows of `video_streaming_analytics`.
pub struct Sessions;

impl ReadModel for Sessions {
    type Stream = SessionId;
    type Event = PlaybackEvent;
    type Row = SessionRow;

    fn fold(rows: &mut Vec<SessionRow>, recorded: &Recorded<SessionId, PlaybackEvent>) {
        let before = rows.pop();
        let mut session = before.as_ref().map(SessionRow::session).unwrap_or_default();
        match &recorded.event {
            PlaybackEvent::PlaybackReported(report) => session.fold(report),
        }
        let position = before.map_or(recorded.position, |row| row.position);
        rows.push(SessionRow::of(&session, recorded, position));
    }
}
