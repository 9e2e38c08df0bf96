//! The columns.

use chrono::{DateTime, Utc};
use clipper_domain::SessionId;
use clipper_domain::report::{PlaybackEvent, Surroundings};

use crate::session::Session;
use crate::table::columns;
use crate::{Kind, Recorded, Row};

/// A row of `video_streaming_analytics`: the columns of the guide, and everything else that is measured.
#[derive(Clone, Debug, PartialEq, serde::Serialize, sqlx::FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column")]
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
    /// Seconds watched: starting, playing, stalled and seeking.
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
    /// How it ended: `idle`, `brief`, `left_before_start`, `failed_to_start`, `failed_midway`, `refused`, `played`.
    pub outcome: String,
    /// The state in which the player was seen last (CMCD `sta`).
    pub last_state: Option<String>,
    /// It was asked to play.
    pub attempted: bool,
    /// It showed a first frame.
    pub played: bool,
    /// It played to the end.
    pub completed: bool,
    /// The viewer left during a stall or within ten seconds of one.
    pub abandoned: bool,
    /// Nobody said how it ended, or more was said than is kept.
    pub truncated: bool,
    /// It showed more media than its clock allows.
    pub implausible: bool,
    /// The error code that ended it.
    pub failure: Option<String>,
    /// Errors that did not end it.
    pub warnings: i64,
    /// Milliseconds from the page's beginning to the first frame.
    pub first_frame_ms: Option<i64>,
    /// Milliseconds of media that were shown.
    pub media_ms: i64,
    /// Milliseconds of the clip that were seen at least once.
    pub covered_ms: i64,
    /// Milliseconds of starting, playing, stalls and seeking.
    pub watched_ms: i64,
    /// Milliseconds of stalls that did not follow a seek.
    pub connection_rebuffer_ms: i64,
    /// Milliseconds of stalls that nobody saw.
    pub background_rebuffer_ms: i64,
    /// Milliseconds of seeking.
    pub seek_ms: i64,
    /// Seeks.
    pub seek_count: i64,
    /// Milliseconds of pauses.
    pub paused_ms: i64,
    /// Milliseconds watched while no player was visible.
    pub background_ms: i64,
    /// Bits shown per millisecond of media.
    pub average_bitrate_kbps: Option<f64>,
    /// Milliseconds of playing at the best rendition there was.
    pub top_bitrate_ms: i64,
    /// Switches to a higher bit rate.
    pub upshifts: i64,
    /// Switches to a lower bit rate.
    pub downshifts: i64,
    /// Milliseconds of playing by rendition, as JSON.
    pub renditions: String,
    /// Frames that were dropped.
    pub dropped_frames: i64,
    /// Frames that were shown or dropped, where the player counts them.
    pub frames: i64,
    /// Time-weighted live latency.
    pub live_latency_ms: Option<f64>,
    /// Requests that the player reported or sent with CMCD.
    pub requests: i64,
    /// Reported requests without an answer or with one of 400 and above.
    pub request_errors: i64,
    /// Score of the start, 0 to 100 (`qoe_score.v1`).
    pub startup_score: Option<f64>,
    /// Score of the stalls.
    pub smoothness_score: Option<f64>,
    /// Score of the outcome.
    pub success_score: Option<f64>,
    /// Score of the picture.
    pub quality_score: Option<f64>,
    /// What the scores come to.
    pub experience_score: Option<f64>,
    /// Two letters, or nothing.
    pub country: String,
    /// `desktop`, `phone`, `tablet`, `tv`, or nothing.
    pub device: String,
    /// The player without its version, or nothing.
    pub player: String,
    /// The operating system, or nothing.
    pub os: String,
    /// The browser without its version, or nothing.
    pub browser: String,
    /// The host that media came from, or nothing.
    pub host: String,
    /// The viewer under a name that lasts: the pseudonym, or one of a day.
    pub viewer: Option<String>,
    /// How many sessions this one stands for.
    pub weight: i64,
    /// The viewer asked not to be followed: it counts in sums alone.
    pub private: bool,
    /// The client calls itself a robot: it counts in no sum.
    pub bot: bool,
    /// Records that are kept.
    pub records: i64,
    /// Numbered records that came.
    pub received: i64,
    /// Numbered records that should have come.
    pub expected: i64,
    /// How far the player's clock was behind ours, where it was corrected.
    pub skew_ms: i64,
    /// What was shown: begins and ends within the clip in milliseconds, as JSON.
    pub passes: String,
    /// The state of the fold, JSON that only it understands.
    pub state: String,
    /// The position of the session's first report in the log.
    pub position: i64,
    /// When it began, by our clock.
    pub created_at: DateTime<Utc>,
    /// When it was seen last, by our clock.
    pub ended_at: DateTime<Utc>,
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
    outcome: Text,
    last_state: Text,
    attempted: Bool,
    played: Bool,
    completed: Bool,
    abandoned: Bool,
    truncated: Bool,
    implausible: Bool,
    failure: Text,
    warnings: Int,
    first_frame_ms: Int,
    media_ms: Int,
    covered_ms: Int,
    watched_ms: Int,
    connection_rebuffer_ms: Int,
    background_rebuffer_ms: Int,
    seek_ms: Int,
    seek_count: Int,
    paused_ms: Int,
    background_ms: Int,
    average_bitrate_kbps: Float,
    top_bitrate_ms: Int,
    upshifts: Int,
    downshifts: Int,
    renditions: Text,
    dropped_frames: Int,
    frames: Int,
    live_latency_ms: Float,
    requests: Int,
    request_errors: Int,
    startup_score: Float,
    smoothness_score: Float,
    success_score: Float,
    quality_score: Float,
    experience_score: Float,
    country: Text,
    device: Text,
    player: Text,
    os: Text,
    browser: Text,
    host: Text,
    viewer: Text,
    weight: Int,
    private: Bool,
    bot: Bool,
    records: Int,
    received: Int,
    expected: Int,
    skew_ms: Int,
    passes: Text,
    state: Text,
    position: Int,
    created_at: Time,
    ended_at: Time,
    updated_at: Time,
});

/// Every column, as rows are read.
pub(super) fn select() -> String {
    select_but(&[])
}

/// The same, with nothing in some columns of text: those that are large and not asked for.
pub(super) fn select_but(left_out: &[&str]) -> String {
    let columns = SessionRow::COLUMNS.iter().map(|column| match column.kind {
        _ if left_out.contains(&column.name) => format!("'' AS {}", column.name),
        Kind::Uuid => format!("CAST({0} AS TEXT) AS {0}", column.name),
        Kind::Text | Kind::Int | Kind::Float | Kind::Bool | Kind::Time | Kind::Bytes => {
            column.name.to_owned()
        }
    });
    format!(
        "SELECT {} FROM video_streaming_analytics",
        columns.collect::<Vec<_>>().join(", ")
    )
}

impl SessionRow {
    /// What was folded so far. A state of an older version is not read: it can only be that of a session whose reports
    /// are forgotten, which stays as it is.
    pub(crate) fn session(&self) -> Session {
        serde_json::from_str(&self.state).unwrap_or_default()
    }

    /// What happened when. Times are milliseconds since the session began.
    pub fn timeline(&self) -> crate::Timeline {
        self.session().timeline()
    }

    #[expect(clippy::too_many_lines, reason = "a table: a line for each column")]
    pub(super) fn of(
        session: &Session,
        recorded: &Recorded<SessionId, PlaybackEvent>,
        position: i64,
    ) -> Self {
        let m = session.measures();
        let (about, summary, scores) = (session.about.as_ref(), session.summary.as_ref(), m.scores());
        let unknown = Surroundings::default();
        let ctx = about.map_or(&unknown, |about| &about.ctx);
        let began = session.began_at(&m);
        let ended = began.map(|began| began + (m.last_at - m.first_at));
        let quality = summary.and_then(|summary| summary.quality.clone());
        let quality = quality.or_else(|| m.quality().map(str::to_owned));
        let throughput = m.throughput.mean().or_else(|| session.asked.throughput_kbps());
        let bandwidth = summary
            .and_then(|summary| summary.bandwidth_mbps)
            .or(throughput.map(|kbps| kbps / 1_000.0));
        let buffer = m.buffer.mean().or_else(|| session.asked.buffer_ms());
        let buffer = summary
            .and_then(|summary| summary.buffer_health)
            .or(buffer.map(|ms| ms / 1_000.0));
        let duration = summary.map_or(seconds(m.watched_ms), |summary| summary.session_duration);
        Self {
            id: recorded.stream.to_string(),
            clip_id: about.and_then(|about| about.clip_id).map(|id| id.to_string()),
            clip: about.map(|about| about.clip.clone()).unwrap_or_default(),
            user_id: session
                .viewer
                .filter(|_| !session.private)
                .map(|viewer| viewer.to_string()),
            quality,
            bandwidth_mbps: bandwidth,
            buffer_health: buffer,
            session_duration: duration,
            quality_switches: summary.map_or(m.switches, |summary| summary.quality_switches),
            buffering_events: summary.map_or(m.stalls, |summary| summary.buffering_events),
            startup_ms: m.startup_ms,
            playing_ms: m.playing_ms,
            rebuffer_ms: m.rebuffer_ms,
            outcome: m.outcome.name().to_owned(),
            last_state: m.last_state.map(str::to_owned),
            attempted: m.attempted,
            played: m.played,
            completed: m.completed,
            abandoned: m.abandoned,
            truncated: m.truncated || session.is_cut(),
            implausible: m.implausible,
            failure: m.error.clone().filter(|_| m.failed),
            warnings: m.warnings,
            first_frame_ms: m.first_frame_ms,
            media_ms: m.media_ms,
            covered_ms: m.covered_ms(),
            watched_ms: m.watched_ms,
            connection_rebuffer_ms: m.connection_rebuffer_ms,
            background_rebuffer_ms: m.background_rebuffer_ms,
            seek_ms: m.seek_ms,
            seek_count: count(m.seeks.len()),
            paused_ms: m.paused_ms,
            background_ms: m.background_ms,
            average_bitrate_kbps: m.average_kbps(),
            top_bitrate_ms: m.top_ms,
            upshifts: m.upshifts,
            downshifts: m.downshifts,
            renditions: serde_json::to_string(&m.renditions).unwrap_or_default(),
            dropped_frames: m.dropped_frames,
            frames: m.frames,
            live_latency_ms: m.latency.mean(),
            requests: m.requests + session.asked.requests,
            request_errors: m.request_errors,
            startup_score: scores.and_then(|scores| scores.startup),
            smoothness_score: scores.and_then(|scores| scores.smoothness),
            success_score: scores.map(|scores| scores.success),
            quality_score: scores.and_then(|scores| scores.quality),
            experience_score: scores.map(|scores| scores.experience),
            country: ctx.country.clone(),
            device: ctx.device.clone(),
            player: family(&ctx.player),
            os: ctx.os.clone(),
            browser: family(&ctx.browser),
            host: ctx.host.clone(),
            viewer: viewer_of(session),
            weight: session.weight.max(1),
            private: session.private,
            bot: session.bot,
            records: session.records(),
            received: m.received,
            expected: m.expected,
            skew_ms: session.skew_ms(),
            passes: serde_json::to_string(&m.passes).unwrap_or_default(),
            state: serde_json::to_string(session).unwrap_or_default(),
            position,
            created_at: time(began).unwrap_or(recorded.recorded_at),
            ended_at: time(ended).unwrap_or(recorded.recorded_at),
            updated_at: recorded.recorded_at,
        }
    }
}

/// Without its version.
fn family(product: &str) -> String {
    product.split('/').next().unwrap_or_default().to_owned()
}

fn viewer_of(session: &Session) -> Option<String> {
    let signed_in = session.viewer.map(|viewer| viewer.to_string());
    signed_in
        .or_else(|| session.audience.clone())
        .filter(|_| !session.private)
}

fn time(ms: Option<i64>) -> Option<DateTime<Utc>> {
    ms.and_then(DateTime::from_timestamp_millis)
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds stay far below 2^52")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}
