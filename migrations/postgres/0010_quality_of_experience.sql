-- Sessions are measured from all their records at once: what CTA-2066 and its like define stands beside the guide's columns.
ALTER TABLE video_streaming_analytics ADD COLUMN outcome TEXT NOT NULL DEFAULT '';
ALTER TABLE video_streaming_analytics ADD COLUMN last_state TEXT;
ALTER TABLE video_streaming_analytics ADD COLUMN attempted BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE video_streaming_analytics ADD COLUMN played BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE video_streaming_analytics ADD COLUMN completed BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE video_streaming_analytics ADD COLUMN abandoned BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE video_streaming_analytics ADD COLUMN truncated BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE video_streaming_analytics ADD COLUMN implausible BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE video_streaming_analytics ADD COLUMN failure TEXT;
ALTER TABLE video_streaming_analytics ADD COLUMN warnings BIGINT NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN first_frame_ms BIGINT;
ALTER TABLE video_streaming_analytics ADD COLUMN media_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN covered_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN watched_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN connection_rebuffer_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN background_rebuffer_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN seek_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN seek_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN paused_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN background_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN average_bitrate_kbps DOUBLE PRECISION;
ALTER TABLE video_streaming_analytics ADD COLUMN top_bitrate_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN upshifts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN downshifts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN renditions TEXT NOT NULL DEFAULT '{}';
ALTER TABLE video_streaming_analytics ADD COLUMN dropped_frames BIGINT NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN frames BIGINT NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN live_latency_ms DOUBLE PRECISION;
ALTER TABLE video_streaming_analytics ADD COLUMN requests BIGINT NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN request_errors BIGINT NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN startup_score DOUBLE PRECISION;
ALTER TABLE video_streaming_analytics ADD COLUMN smoothness_score DOUBLE PRECISION;
ALTER TABLE video_streaming_analytics ADD COLUMN success_score DOUBLE PRECISION;
ALTER TABLE video_streaming_analytics ADD COLUMN quality_score DOUBLE PRECISION;
ALTER TABLE video_streaming_analytics ADD COLUMN experience_score DOUBLE PRECISION;
ALTER TABLE video_streaming_analytics ADD COLUMN country TEXT NOT NULL DEFAULT '';
ALTER TABLE video_streaming_analytics ADD COLUMN device TEXT NOT NULL DEFAULT '';
ALTER TABLE video_streaming_analytics ADD COLUMN player TEXT NOT NULL DEFAULT '';
ALTER TABLE video_streaming_analytics ADD COLUMN os TEXT NOT NULL DEFAULT '';
ALTER TABLE video_streaming_analytics ADD COLUMN browser TEXT NOT NULL DEFAULT '';
ALTER TABLE video_streaming_analytics ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE video_streaming_analytics ADD COLUMN viewer TEXT;
ALTER TABLE video_streaming_analytics ADD COLUMN weight BIGINT NOT NULL DEFAULT 1;
ALTER TABLE video_streaming_analytics ADD COLUMN private BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE video_streaming_analytics ADD COLUMN bot BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE video_streaming_analytics ADD COLUMN records BIGINT NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN received BIGINT NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN expected BIGINT NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN skew_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE video_streaming_analytics ADD COLUMN ended_at TIMESTAMPTZ NOT NULL DEFAULT 'epoch';

-- Records of players that were set aside, for a week.
CREATE TABLE rejected_reports (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    form TEXT NOT NULL,
    session TEXT NOT NULL,
    code TEXT NOT NULL,
    key TEXT NOT NULL,
    raw TEXT NOT NULL,
    rejected_at TIMESTAMPTZ NOT NULL
);

-- What a day's names of viewers are made with; thrown away after two days, and the names mean nobody any more.
CREATE TABLE viewer_salts (
    day TEXT PRIMARY KEY,
    salt TEXT NOT NULL
);
