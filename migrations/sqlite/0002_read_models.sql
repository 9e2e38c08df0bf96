-- Read models: each can be dropped and rebuilt from the log. No foreign key reaches from one projection into another.
CREATE TABLE projection_checkpoints (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE clips (
    id TEXT PRIMARY KEY,
    slug TEXT NOT NULL,
    title TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    embed_url TEXT,
    twitch_clip_url TEXT,
    hls_available INTEGER NOT NULL,
    hls_master_url TEXT,
    hls_processing_status TEXT NOT NULL,
    hls_qualities TEXT NOT NULL,
    hls_processed_at TEXT,
    encoding_state TEXT NOT NULL,
    failure_code TEXT,
    failure_detail TEXT,
    generation INTEGER NOT NULL,
    duration REAL,
    width INTEGER,
    height INTEGER,
    views INTEGER NOT NULL,
    position INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX clips_slug ON clips (slug);
CREATE INDEX clips_position ON clips (position);
CREATE INDEX clips_owner_id ON clips (owner_id);

CREATE TABLE video_variants (
    id TEXT PRIMARY KEY,
    clip_id TEXT NOT NULL,
    quality TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    bitrate INTEGER NOT NULL,
    average_bitrate INTEGER NOT NULL,
    codec TEXT NOT NULL,
    frame_rate REAL NOT NULL,
    file_size INTEGER NOT NULL,
    duration REAL NOT NULL,
    segment_count INTEGER NOT NULL,
    target_duration INTEGER NOT NULL,
    segments TEXT NOT NULL,
    copied INTEGER NOT NULL,
    playlist_url TEXT NOT NULL,
    storage_path TEXT NOT NULL,
    generation INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    UNIQUE (clip_id, quality)
) STRICT;
CREATE INDEX video_variants_quality ON video_variants (quality);

CREATE TABLE encoding_queue (
    clip_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    class TEXT NOT NULL,
    class_rank INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    state TEXT NOT NULL,
    token INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    run_after TEXT,
    position INTEGER NOT NULL,
    requested_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (clip_id, generation)
) STRICT;
CREATE INDEX encoding_queue_waiting ON encoding_queue (class_rank, priority DESC, position) WHERE state = 'waiting';

CREATE TABLE video_streaming_analytics (
    id TEXT PRIMARY KEY,
    clip_id TEXT,
    clip TEXT NOT NULL,
    user_id TEXT,
    quality TEXT,
    bandwidth_mbps REAL,
    buffer_health REAL,
    session_duration REAL NOT NULL,
    quality_switches INTEGER NOT NULL,
    buffering_events INTEGER NOT NULL,
    startup_ms INTEGER,
    playing_ms INTEGER NOT NULL,
    rebuffer_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX video_streaming_analytics_clip_id ON video_streaming_analytics (clip_id);
CREATE INDEX video_streaming_analytics_created_at ON video_streaming_analytics (created_at);
