//! What the sessions of a selection come to: sums, of which the ratios are made.

use serde::Serialize;

use crate::{Query, Selection};

/// Sums over sessions, each counted as many times as it stands for; without robots.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow)]
pub struct TotalsRow {
    /// Sessions, each as one.
    pub sessions: i64,
    /// Those that were asked to play.
    pub attempts: i64,
    /// Those that played.
    pub plays: i64,
    /// Those that played to the end.
    pub completed: i64,
    /// Plays without a stall.
    pub smooth_plays: i64,
    /// Plays that ended in a stall or soon after one.
    pub abandoned: i64,
    /// Sessions that failed before the first frame.
    pub failed_to_start: i64,
    /// Sessions that failed after it.
    pub failed_midway: i64,
    /// Sessions of viewers who left before it.
    pub left_before_start: i64,
    /// Sessions that were refused.
    pub refused: i64,
    /// Viewers by the names of their days; those who are not followed are not among them.
    pub viewers: i64,
    /// Milliseconds of playing.
    pub playing_ms: i64,
    /// Milliseconds of starting, playing, stalls and seeking.
    pub watched_ms: i64,
    /// Milliseconds of media that were shown.
    pub media_ms: i64,
    /// Milliseconds of stalls.
    pub rebuffer_ms: i64,
    /// Stalls.
    pub rebuffer_count: i64,
    /// Milliseconds of stalls that did not follow a seek.
    pub connection_rebuffer_ms: i64,
    /// Seeks.
    pub seek_count: i64,
    /// Changes of rendition.
    pub switches: i64,
    /// kbit/s times milliseconds of media, where both are known.
    pub bits: f64,
    /// Milliseconds of media whose bit rate is known.
    pub rated_ms: i64,
    /// The mean experience score.
    pub experience_score: Option<f64>,
}

/// How many sessions took this long to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct StartupRow {
    /// Milliseconds.
    pub startup_ms: i64,
    /// Sessions.
    pub sessions: i64,
}

/// The sums.
pub fn totals(selection: &Selection) -> Query<TotalsRow> {
    let mut args = vec![];
    let conditions = selection.conditions("created_at", &mut args);
    let count = |condition: &str, name: &str| {
        format!("CAST(COALESCE(SUM(CASE WHEN {condition} THEN weight ELSE 0 END), 0) AS BIGINT) AS {name}")
    };
    let sum =
        |column: &str, name: &str| format!("CAST(COALESCE(SUM({column} * weight), 0) AS BIGINT) AS {name}");
    let rated = "CASE WHEN average_bitrate_kbps IS NOT NULL THEN media_ms ELSE 0 END";
    let columns = [
        "CAST(COUNT(*) AS BIGINT) AS sessions".to_owned(),
        count("attempted", "attempts"),
        count("played", "plays"),
        count("completed", "completed"),
        count("played AND buffering_events = 0", "smooth_plays"),
        count("abandoned", "abandoned"),
        count("outcome = 'failed_to_start'", "failed_to_start"),
        count("outcome = 'failed_midway'", "failed_midway"),
        count("outcome = 'left_before_start'", "left_before_start"),
        count("outcome = 'refused'", "refused"),
        "CAST(COUNT(DISTINCT viewer) AS BIGINT) AS viewers".to_owned(),
        sum("playing_ms", "playing_ms"),
        sum("watched_ms", "watched_ms"),
        sum("media_ms", "media_ms"),
        sum("rebuffer_ms", "rebuffer_ms"),
        sum("buffering_events", "rebuffer_count"),
        sum("connection_rebuffer_ms", "connection_rebuffer_ms"),
        sum("seek_count", "seek_count"),
        sum("quality_switches", "switches"),
        "CAST(COALESCE(SUM(average_bitrate_kbps * media_ms * weight), 0) AS DOUBLE PRECISION) AS bits"
            .to_owned(),
        sum(rated, "rated_ms"),
        "CAST(SUM(experience_score * weight) / SUM(CASE WHEN experience_score IS NOT NULL THEN weight END) \
         AS DOUBLE PRECISION) AS experience_score"
            .to_owned(),
    ];
    let sql = format!(
        "SELECT {} FROM video_streaming_analytics WHERE NOT bot AND {conditions}",
        columns.join(", ")
    );
    Query::new(sql, args)
}

/// How long sessions took to start, the shortest first.
pub fn startups(selection: &Selection) -> Query<StartupRow> {
    let mut args = vec![];
    let conditions = selection.conditions("created_at", &mut args);
    let sql = format!(
        "SELECT startup_ms, CAST(SUM(weight) AS BIGINT) AS sessions FROM video_streaming_analytics \
         WHERE NOT bot AND startup_ms IS NOT NULL AND {conditions} GROUP BY startup_ms ORDER BY startup_ms"
    );
    Query::new(sql, args)
}
