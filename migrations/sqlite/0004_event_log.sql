-- Retention: events up to `tail` may be gone.
ALTER TABLE log_head ADD COLUMN tail INTEGER NOT NULL DEFAULT 0;

-- A clip's commands are recognised by whoever holds the clip, who has read them all; the version alone keeps two apart.
DROP INDEX clip_events_command;

-- Nobody expects a version of a session's stream, so an event's version is its position there: no look-up at appends.
ALTER TABLE playback_events RENAME TO playback_events_before;
CREATE TABLE playback_events (
    position INTEGER PRIMARY KEY,
    stream_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    event_type TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    payload TEXT NOT NULL,
    metadata TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    command_id TEXT,
    command_index INTEGER NOT NULL
) STRICT;
INSERT INTO playback_events SELECT position, stream_id, position, event_type, schema_version, payload, metadata,
    recorded_at, command_id, command_index FROM playback_events_before;
DROP TABLE playback_events_before;
CREATE INDEX playback_events_stream ON playback_events (stream_id, position);
CREATE UNIQUE INDEX playback_events_command ON playback_events (stream_id, command_id, command_index)
    WHERE command_id IS NOT NULL;
CREATE TRIGGER playback_events_are_final BEFORE UPDATE ON playback_events
BEGIN SELECT RAISE(ABORT, 'a published event is never edited'); END;

-- Where a session begins in the log: what the log has forgotten cannot be rebuilt, and is left as it is.
ALTER TABLE video_streaming_analytics ADD COLUMN position INTEGER NOT NULL DEFAULT 1;

-- Read models that are being made anew beside the live ones. `seeded_at` is the live checkpoint at the beginning.
CREATE TABLE projection_rebuilds (
    name TEXT NOT NULL,
    purpose TEXT NOT NULL,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    seeded_at INTEGER NOT NULL,
    tail INTEGER NOT NULL,
    until INTEGER NOT NULL,
    events_per_second REAL,
    rate REAL NOT NULL,
    error TEXT,
    started_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (name, purpose)
) STRICT;

ALTER TABLE parked_events ADD COLUMN event_type TEXT NOT NULL DEFAULT '';
ALTER TABLE parked_events ADD COLUMN attempts INTEGER NOT NULL DEFAULT 1;
ALTER TABLE parked_events ADD COLUMN skipped INTEGER NOT NULL DEFAULT 0;

-- The first answer to a request with an `Idempotency-Key`; without a status while it is under way.
CREATE TABLE idempotency_keys (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER,
    headers TEXT,
    body TEXT,
    expires_at TEXT NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT;
CREATE INDEX idempotency_keys_expires_at ON idempotency_keys (expires_at);

-- Who is who: the one place that ties a pseudonym to a person. Not a read model, and not rebuilt.
CREATE TABLE people (
    id TEXT PRIMARY KEY,
    user_id TEXT UNIQUE,
    created_at TEXT NOT NULL,
    erased_at TEXT
) STRICT;
