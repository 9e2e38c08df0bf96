-- Sessions are measured from all their records at once: what CTA-2066 and its like define stands beside the guide's columns.
ALTER TABLE video_streaming_analytics ADD COLUMN outcome TEXT NOT NULL DEFAULT '';
ALTER TABLE video_streaming_analytics ADD COLUMN last_state TEXT;
ALTER TABLE video_streaming_analytics ADD COLUMN attempted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN played INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN completed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN abandoned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN truncated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN implausible INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN failure TEXT;
ALTER TABLE video_streaming_analytics ADD COLUMN warnings INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN first_frame_ms INTEGER;
ALTER TABLE video_streaming_analytics ADD COLUMN media_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN covered_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN watched_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN connection_rebuffer_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN background_rebuffer_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN seek_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN seek_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN paused_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN background_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN average_bitrate_kbps REAL;
ALTER TABLE video_streaming_analytics ADD COLUMN top_bitrate_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN upshifts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN downshifts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN renditions TEXT NOT NULL DEFAULT '{}';
ALTER TABLE video_streaming_analytics ADD COLUMN dropped_frames INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN frames INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN live_latency_ms REAL;
ALTER TABLE video_streaming_analytics ADD COLUMN requests INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN request_errors INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN startup_score REAL;
ALTER TABLE video_streaming_analytics ADD COLUMN smoothness_score REAL;
ALTER TABLE video_streaming_analytics ADD COLUMN success_score REAL;
ALTER TABLE video_streaming_analytics ADD COLUMN quality_score REAL;
ALTER TABLE video_streaming_analytics ADD COLUMN experience_score REAL;
ALTER TABLE video_streaming_analytics ADD COLUMN country TEXT NOT NULL DEFAULT '';
ALTER TABLE video_streaming_analytics ADD COLUMN device TEXT NOT NULL DEFAULT '';
ALTER TABLE video_streaming_analytics ADD COLUMN player TEXT NOT NULL DEFAULT '';
ALTER TABLE video_streaming_analytics ADD COLUMN os TEXT NOT NULL DEFAULT '';
ALTER TABLE video_streaming_analytics ADD COLUMN browser TEXT NOT NULL DEFAULT '';
ALTER TABLE video_streaming_analytics ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE video_streaming_analytics ADD COLUMN viewer TEXT;
ALTER TABLE video_streaming_analytics ADD COLUMN weight INTEGER NOT NULL DEFAULT 1;
ALTER TABLE video_streaming_analytics ADD COLUMN private INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN bot INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN records INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN received INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN expected INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN skew_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN ended_at TEXT NOT NULL DEFAULT '1970-01-01T00:00:00+00:00';

-- Records of players that were set aside, for a week.
CREATE TABLE rejected_reports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    form TEXT NOT NULL,
    session TEXT NOT NULL,
    code TEXT NOT NULL,
    key TEXT NOT NULL,
    raw TEXT NOT NULL,
    rejected_at TEXT NOT NULL
) STRICT;

-- What a day's names of viewers are made with; thrown away after two days, and the names mean nobody any more.
CREATE TABLE viewer_salts (
    day TEXT PRIMARY KEY,
    salt TEXT NOT NULL
) STRICT;
