-- Work is handed out by unit: a range of segments of an encoding, or the last look at all of it.
ALTER TABLE encoding_queue RENAME TO encoding_queue_before;
CREATE TABLE encoding_queue (
    clip_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    unit INTEGER NOT NULL,
    lease TEXT NOT NULL,
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
    PRIMARY KEY (clip_id, generation, unit)
) STRICT;
INSERT INTO encoding_queue SELECT clip_id, generation, 0, 'encode/' || clip_id || '/' || generation || '/0', class,
    class_rank, priority, state, token, failures, run_after, position, requested_at, updated_at
    FROM encoding_queue_before;
DROP TABLE encoding_queue_before;
CREATE INDEX encoding_queue_waiting ON encoding_queue (class_rank, priority DESC, position) WHERE state = 'waiting';
CREATE INDEX encoding_queue_lease ON encoding_queue (lease);

-- A rung can be played while it grows.
ALTER TABLE video_variants ADD COLUMN growing INTEGER NOT NULL DEFAULT 0;
ALTER TABLE clips ADD COLUMN playing_generation INTEGER;

-- Classes of encodings that no worker takes for now.
CREATE TABLE paused_classes (
    class TEXT PRIMARY KEY,
    paused_at TEXT NOT NULL
) STRICT;
CREATE INDEX leases_expires_at ON leases (expires_at);
