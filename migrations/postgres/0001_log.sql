-- The two logs. `log_head` hands out positions; see ARCHITECTURE.md, "One order".
CREATE TABLE log_head (
    log TEXT PRIMARY KEY,
    position BIGINT NOT NULL
) WITH (fillfactor = 20);
INSERT INTO log_head (log, position) VALUES ('clip', 0), ('playback', 0);

CREATE TABLE clip_events (
    position BIGINT PRIMARY KEY,
    stream_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    event_type TEXT NOT NULL,
    schema_version BIGINT NOT NULL,
    payload JSONB NOT NULL,
    metadata JSONB NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL,
    command_id TEXT,
    command_index BIGINT NOT NULL,
    UNIQUE (stream_id, version)
);
CREATE UNIQUE INDEX clip_events_command ON clip_events (stream_id, command_id, command_index)
    WHERE command_id IS NOT NULL;

CREATE TABLE playback_events (
    position BIGINT PRIMARY KEY,
    stream_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    event_type TEXT NOT NULL,
    schema_version BIGINT NOT NULL,
    payload JSONB NOT NULL,
    metadata JSONB NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL,
    command_id TEXT,
    command_index BIGINT NOT NULL,
    UNIQUE (stream_id, version)
);
CREATE UNIQUE INDEX playback_events_command ON playback_events (stream_id, command_id, command_index)
    WHERE command_id IS NOT NULL;

-- A published event is never edited. Playback events may be deleted when they are older than their retention.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'a published event is never changed'; END $$;
CREATE TRIGGER clip_events_are_final BEFORE UPDATE OR DELETE ON clip_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER playback_events_are_final BEFORE UPDATE ON playback_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
