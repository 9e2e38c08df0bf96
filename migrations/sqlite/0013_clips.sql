-- What is told of clips may be changed, and clips may be deleted.
ALTER TABLE clips ADD COLUMN description TEXT;
ALTER TABLE clips ADD COLUMN chosen_poster TEXT;
ALTER TABLE clips ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
ALTER TABLE clips ADD COLUMN deleted_at TEXT;
ALTER TABLE clips ADD COLUMN purge_after TEXT;
ALTER TABLE clips ADD COLUMN purge_started_at TEXT;
ALTER TABLE clips ADD COLUMN purged_at TEXT;
CREATE INDEX clips_purge_after ON clips (purge_after) WHERE purged_at IS NULL;

-- What lies in the media store: a row per clip, generation and rung, and one per source (generation 0).
CREATE TABLE storage_usage (
    clip_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    quality TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    segments INTEGER NOT NULL,
    planned INTEGER NOT NULL,
    whole INTEGER NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (clip_id, generation, quality)
) STRICT;
CREATE INDEX storage_usage_quality ON storage_usage (quality);
CREATE INDEX storage_usage_owner_id ON storage_usage (owner_id);
