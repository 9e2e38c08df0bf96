-- Retention: events up to `tail` may be gone.
ALTER TABLE log_head ADD COLUMN tail BIGINT NOT NULL DEFAULT 0;

-- A clip's commands are recognised by whoever holds the clip, who has read them all; the version alone keeps two apart.
DROP INDEX clip_events_command;

-- Nobody expects a version of a session's stream, so an event's version is its position there: no look-up at appends.
-- A partition is a day of the writer's clock in UTC, and is dropped whole when its time is over.
ALTER TABLE playback_events RENAME TO playback_events_before;
ALTER INDEX playback_events_command RENAME TO playback_events_before_command;
CREATE TABLE playback_events (
    position BIGINT NOT NULL,
    stream_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    event_type TEXT NOT NULL,
    schema_version BIGINT NOT NULL,
    payload JSONB NOT NULL,
    metadata JSONB NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL,
    command_id TEXT,
    command_index BIGINT NOT NULL,
    day DATE NOT NULL,
    CONSTRAINT playback_events_position PRIMARY KEY (position, day)
) PARTITION BY RANGE (day);
-- Takes what no partition was made for in time.
CREATE TABLE playback_events_rest PARTITION OF playback_events DEFAULT;
INSERT INTO playback_events SELECT position, stream_id, position, event_type, schema_version, payload, metadata,
    recorded_at, command_id, command_index, CAST(recorded_at AT TIME ZONE 'UTC' AS DATE) FROM playback_events_before;
DROP TABLE playback_events_before;
CREATE INDEX playback_events_stream ON playback_events (stream_id, position);
CREATE UNIQUE INDEX playback_events_command ON playback_events (stream_id, command_id, command_index, day)
    WHERE command_id IS NOT NULL;
CREATE TRIGGER playback_events_are_final BEFORE UPDATE ON playback_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Where a session begins in the log: what the log has forgotten cannot be rebuilt, and is left as it is.
ALTER TABLE video_streaming_analytics ADD COLUMN position BIGINT NOT NULL DEFAULT 1;

-- Read models that are being made anew beside the live ones. `seeded_at` is the live checkpoint at the beginning.
CREATE TABLE projection_rebuilds (
    name TEXT NOT NULL,
    purpose TEXT NOT NULL,
    version BIGINT NOT NULL,
    position BIGINT NOT NULL,
    seeded_at BIGINT NOT NULL,
    tail BIGINT NOT NULL,
    until BIGINT NOT NULL,
    events_per_second DOUBLE PRECISION,
    rate DOUBLE PRECISION NOT NULL,
    error TEXT,
    started_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (name, purpose)
);

ALTER TABLE parked_events ADD COLUMN event_type TEXT NOT NULL DEFAULT '';
ALTER TABLE parked_events ADD COLUMN attempts BIGINT NOT NULL DEFAULT 1;
ALTER TABLE parked_events ADD COLUMN skipped BOOLEAN NOT NULL DEFAULT FALSE;

-- The first answer to a request with an `Idempotency-Key`; without a status while it is under way.
CREATE TABLE idempotency_keys (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status BIGINT,
    headers TEXT,
    body TEXT,
    expires_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_keys_expires_at ON idempotency_keys (expires_at);

-- Who is who: the one place that ties a pseudonym to a person. Not a read model, and not rebuilt.
CREATE TABLE people (
    id TEXT PRIMARY KEY,
    user_id TEXT UNIQUE,
    created_at TIMESTAMPTZ NOT NULL,
    erased_at TIMESTAMPTZ
);
