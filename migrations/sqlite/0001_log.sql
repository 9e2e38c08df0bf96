-- The two logs. `log_head` hands out positions; see ARCHITECTURE.md, "One order".
CREATE TABLE log_head (
    log TEXT PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT;
INSERT INTO log_head (log, position) VALUES ('clip', 0), ('playback', 0);

CREATE TABLE clip_events (
    position INTEGER PRIMARY KEY,
    stream_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    event_type TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    payload TEXT NOT NULL,
    metadata TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    command_id TEXT,
    command_index INTEGER NOT NULL,
    UNIQUE (stream_id, version)
) STRICT;
CREATE UNIQUE INDEX clip_events_command ON clip_events (stream_id, command_id, command_index)
    WHERE command_id IS NOT NULL;

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
    command_index INTEGER NOT NULL,
    UNIQUE (stream_id, version)
) STRICT;
CREATE UNIQUE INDEX playback_events_command ON playback_events (stream_id, command_id, command_index)
    WHERE command_id IS NOT NULL;

-- A published event is never edited. Playback events may be deleted when they are older than their retention.
CREATE TRIGGER clip_events_are_final BEFORE UPDATE ON clip_events
BEGIN SELECT RAISE(ABORT, 'a published event is never edited'); END;
CREATE TRIGGER clip_events_are_kept BEFORE DELETE ON clip_events
BEGIN SELECT RAISE(ABORT, 'a published event is never deleted'); END;
CREATE TRIGGER playback_events_are_final BEFORE UPDATE ON playback_events
BEGIN SELECT RAISE(ABORT, 'a published event is never edited'); END;
