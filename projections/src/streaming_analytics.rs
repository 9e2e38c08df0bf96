//! `video_streaming_analytics`: one row per playback session.

use chrono::{DateTime, Utc};
use clipper_domain::SessionId;
use clipper_domain::report::PlaybackEvent;

use crate::session_fold::Session;
use crate::{Fold, Projection, Query, Recorded, StateRow, Statement, Table};

/// The read model `video_streaming_analytics`.
pub const PROJECTION: Projection = Projection {
    name: "video_streaming_analytics",
    version: 1,
    tables: &[Table {
        name: "video_streaming_analytics",
        key: "id",
    }],
    fold: Fold::Sessions { state_of, fold },
};

/// A row of `video_streaming_analytics`.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct SessionRow {
    /// The session's UUID as text.
    pub id: String,
    /// The clip as the player named it.
    pub clip: String,
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
    /// The first record's time on the player's clock.
    pub created_at: DateTime<Utc>,
}

/// One session.
pub fn by_id(session: SessionId) -> Query<SessionRow> {
    Query::new(
        "SELECT CAST(id AS TEXT) AS id, clip, quality, bandwidth_mbps, buffer_health, session_duration, \
         quality_switches, buffering_events, startup_ms, created_at FROM video_streaming_analytics WHERE id = $1",
        vec![session.0.into()],
    )
}

fn state_of(session: SessionId) -> Query<StateRow> {
    Query::new(
        "SELECT state FROM video_streaming_analytics WHERE id = $1",
        vec![session.0.into()],
    )
}

fn fold(state: Option<&str>, recorded: &Recorded<SessionId, PlaybackEvent>) -> Vec<Statement> {
    // A state of another version cannot occur: raising the projection's version rebuilds the table.
    let mut session: Session = state
        .and_then(|json| serde_json::from_str(json).ok())
        .unwrap_or_default();
    match &recorded.event {
        PlaybackEvent::PlaybackReported(report) => session.fold(report),
    }
    vec![upsert(recorded, &session)]
}

fn upsert(recorded: &Recorded<SessionId, PlaybackEvent>, session: &Session) -> Statement {
    let created_at = DateTime::from_timestamp_millis(session.first_ts).unwrap_or(recorded.recorded_at);
    Statement::new(
        "INSERT INTO video_streaming_analytics (id, clip_id, clip, user_id, quality, bandwidth_mbps, buffer_health, \
         session_duration, quality_switches, buffering_events, startup_ms, playing_ms, rebuffer_ms, state, created_at, \
         updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
         ON CONFLICT (id) DO UPDATE SET user_id = excluded.user_id, quality = excluded.quality, \
         bandwidth_mbps = excluded.bandwidth_mbps, buffer_health = excluded.buffer_health, \
         session_duration = excluded.session_duration, quality_switches = excluded.quality_switches, \
         buffering_events = excluded.buffering_events, startup_ms = excluded.startup_ms, \
         playing_ms = excluded.playing_ms, rebuffer_ms = excluded.rebuffer_ms, state = excluded.state, \
         updated_at = excluded.updated_at",
        vec![
            recorded.stream.0.into(),
            session.clip_id.into(),
            session.clip.as_str().into(),
            session.user_id.clone().into(),
            session.quality().map(str::to_owned).into(),
            session.bandwidth_mbps().into(),
            session.buffer_health_s().into(),
            seconds(session.watched_ms).into(),
            session.switches.into(),
            session.stalls.into(),
            session.startup_ms.into(),
            session.playing_ms.into(),
            session.rebuffer_ms.into(),
            serde_json::to_string(session).unwrap_or_default().into(),
            created_at.into(),
            recorded.recorded_at.into(),
        ],
    )
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds stay far below 2^52")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}
