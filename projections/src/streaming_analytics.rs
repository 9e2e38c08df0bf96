//! `video_streaming_analytics`: one row per playback session.

use chrono::{DateTime, Utc};
use clipper_domain::SessionId;
use clipper_domain::report::PlaybackEvent;

use crate::fold::Page;
use crate::session_fold::Session;
use crate::table::columns;
use crate::{Log, Projection, Query, ReadModel, Recorded, Row, Table};

/// The read model `video_streaming_analytics`. Version 2 names viewers by pseudonym and knows where a session began.
pub const PROJECTION: Projection = Projection {
    name: "video_streaming_analytics",
    version: 2,
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

/// A row of `video_streaming_analytics`.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct SessionRow {
    /// The session's UUID as text.
    pub id: String,
    /// The clip's UUID as text, when the clip was known.
    pub clip_id: Option<String>,
    /// The clip as the player named it.
    pub clip: String,
    /// The pseudonym of the signed-in viewer.
    pub user_id: Option<String>,
    /// The rendition with most playing time.
    pub quality: Option<String>,
    /// Time-weighted throughput in Mbit/s.
    pub bandwidth_mbps: Option<f64>,
    /// Time-weighted buffer length in seconds.
    pub buffer_health: Option<f64>,
    /// Seconds watched: starting, playing, rebuffering and seeking.
    pub session_duration: f64,
    /// Changes of rendition.
    pub quality_switches: i64,
    /// Stalls.
    pub buffering_events: i64,
    /// Milliseconds from the request to play to the first frame.
    pub startup_ms: Option<i64>,
    /// Milliseconds of playing.
    pub playing_ms: i64,
    /// Milliseconds of stalls.
    pub rebuffer_ms: i64,
    /// The state of the fold, JSON that only it understands.
    pub state: String,
    /// The position of the session's first report in the log.
    pub position: i64,
    /// The first record's time on the player's clock.
    pub created_at: DateTime<Utc>,
    /// When the latest report came in.
    pub updated_at: DateTime<Utc>,
}

columns!(SessionRow {
    id: Uuid,
    clip_id: Uuid,
    clip: Text,
    user_id: Text,
    quality: Text,
    bandwidth_mbps: Float,
    buffer_health: Float,
    session_duration: Float,
    quality_switches: Int,
    buffering_events: Int,
    startup_ms: Int,
    playing_ms: Int,
    rebuffer_ms: Int,
    state: Text,
    position: Int,
    created_at: Time,
    updated_at: Time,
});

/// One session.
pub fn by_id(session: SessionId) -> Query<SessionRow> {
    Query::new(
        "SELECT CAST(id AS TEXT) AS id, CAST(clip_id AS TEXT) AS clip_id, clip, user_id, quality, bandwidth_mbps, \
         buffer_health, session_duration, quality_switches, buffering_events, startup_ms, playing_ms, rebuffer_ms, \
         state, position, created_at, updated_at FROM video_streaming_analytics WHERE id = $1",
        vec![session.0.into()],
    )
}

/// How reports become rows of `video_streaming_analytics`.
pub struct Sessions;

impl ReadModel for Sessions {
    type Stream = SessionId;
    type Event = PlaybackEvent;
    type Row = SessionRow;

    fn fold(rows: &mut Vec<SessionRow>, recorded: &Recorded<SessionId, PlaybackEvent>) {
        let before = rows.pop();
        // A state of another version cannot occur: raising the projection's version rebuilds the table.
        let mut session: Session = before
            .as_ref()
            .and_then(|row| serde_json::from_str(&row.state).ok())
            .unwrap_or_default();
        match &recorded.event {
            PlaybackEvent::PlaybackReported(report) => session.fold(report),
        }
        let position = before.map_or(recorded.position, |row| row.position);
        rows.push(SessionRow::of(&session, recorded, position));
    }
}

impl SessionRow {
    fn of(session: &Session, recorded: &Recorded<SessionId, PlaybackEvent>, position: i64) -> Self {
        Self {
            id: recorded.stream.to_string(),
            clip_id: session.clip_id.map(|id| id.to_string()),
            clip: session.clip.clone(),
            user_id: session.viewer.map(|viewer| viewer.to_string()),
            quality: session.quality().map(str::to_owned),
            bandwidth_mbps: session.bandwidth_mbps(),
            buffer_health: session.buffer_health_s(),
            session_duration: seconds(session.watched_ms),
            quality_switches: session.switches,
            buffering_events: session.stalls,
            startup_ms: session.startup_ms,
            playing_ms: session.playing_ms,
            rebuffer_ms: session.rebuffer_ms,
            state: serde_json::to_string(session).unwrap_or_default(),
            position,
            created_at: DateTime::from_timestamp_millis(session.first_ts).unwrap_or(recorded.recorded_at),
            updated_at: recorded.recorded_at,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds stay far below 2^52")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}
