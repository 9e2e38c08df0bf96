-- Work is handed out by unit: a range of segments of an encoding, or the last look at all of it.
ALTER TABLE encoding_queue ADD COLUMN unit BIGINT NOT NULL DEFAULT 0;
ALTER TABLE encoding_queue ADD COLUMN lease TEXT NOT NULL DEFAULT '';
UPDATE encoding_queue SET lease = 'encode/' || CAST(clip_id AS TEXT) || '/' || CAST(generation AS TEXT) || '/0';
ALTER TABLE encoding_queue DROP CONSTRAINT encoding_queue_pkey;
ALTER TABLE encoding_queue ADD PRIMARY KEY (clip_id, generation, unit);
CREATE INDEX encoding_queue_lease ON encoding_queue (lease);

-- A rung can be played while it grows.
ALTER TABLE video_variants ADD COLUMN growing BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE clips ADD COLUMN playing_generation BIGINT;

-- Classes of encodings that no worker takes for now.
CREATE TABLE paused_classes (
    class TEXT PRIMARY KEY,
    paused_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX leases_expires_at ON leases (expires_at);
