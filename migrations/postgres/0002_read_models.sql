-- Read models: each can be dropped and rebuilt from the log. No foreign key reaches from one projection into another.
CREATE TABLE projection_checkpoints (
    name TEXT PRIMARY KEY,
    version BIGINT NOT NULL,
    position BIGINT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE clips (
    id UUID PRIMARY KEY,
    slug TEXT NOT NULL,
    title TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    embed_url TEXT,
    twitch_clip_url TEXT,
    hls_available BOOLEAN NOT NULL,
    hls_master_url TEXT,
    hls_processing_status TEXT NOT NULL,
    hls_qualities TEXT NOT NULL,
    hls_processed_at TIMESTAMPTZ,
    encoding_state TEXT NOT NULL,
    failure_code TEXT,
    failure_detail TEXT,
    generation BIGINT NOT NULL,
    duration DOUBLE PRECISION,
    width BIGINT,
    height BIGINT,
    views BIGINT NOT NULL,
    position BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX clips_slug ON clips (slug);
CREATE INDEX clips_position ON clips (position);
CREATE INDEX clips_owner_id ON clips (owner_id);

CREATE TABLE video_variants (
    id UUID PRIMARY KEY,
    clip_id UUID NOT NULL,
    quality TEXT NOT NULL,
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    bitrate BIGINT NOT NULL,
    average_bitrate BIGINT NOT NULL,
    codec TEXT NOT NULL,
    frame_rate DOUBLE PRECISION NOT NULL,
    file_size BIGINT NOT NULL,
    duration DOUBLE PRECISION NOT NULL,
    segment_count BIGINT NOT NULL,
    target_duration BIGINT NOT NULL,
    segments TEXT NOT NULL,
    copied BOOLEAN NOT NULL,
    playlist_url TEXT NOT NULL,
    storage_path TEXT NOT NULL,
    generation BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (clip_id, quality)
);
CREATE INDEX video_variants_quality ON video_variants (quality);

CREATE TABLE encoding_queue (
    clip_id UUID NOT NULL,
    generation BIGINT NOT NULL,
    class TEXT NOT NULL,
    class_rank BIGINT NOT NULL,
    priority BIGINT NOT NULL,
    state TEXT NOT NULL,
    token BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    run_after TIMESTAMPTZ,
    position BIGINT NOT NULL,
    requested_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (clip_id, generation)
);
CREATE INDEX encoding_queue_waiting ON encoding_queue (class_rank, priority DESC, position) WHERE state = 'waiting';

CREATE TABLE video_streaming_analytics (
    id UUID PRIMARY KEY,
    clip_id UUID,
    clip TEXT NOT NULL,
    user_id TEXT,
    quality TEXT,
    bandwidth_mbps DOUBLE PRECISION,
    buffer_health DOUBLE PRECISION,
    session_duration DOUBLE PRECISION NOT NULL,
    quality_switches BIGINT NOT NULL,
    buffering_events BIGINT NOT NULL,
    startup_ms BIGINT,
    playing_ms BIGINT NOT NULL,
    rebuffer_ms BIGINT NOT NULL,
    state TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX video_streaming_analytics_clip_id ON video_streaming_analytics (clip_id);
CREATE INDEX video_streaming_analytics_created_at ON video_streaming_analytics (created_at);
