-- What is told of clips may be changed, and clips may be deleted.
ALTER TABLE clips ADD COLUMN description TEXT;
ALTER TABLE clips ADD COLUMN chosen_poster TEXT;
ALTER TABLE clips ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE clips ADD COLUMN deleted_at TIMESTAMPTZ;
ALTER TABLE clips ADD COLUMN purge_after TIMESTAMPTZ;
ALTER TABLE clips ADD COLUMN purge_started_at TIMESTAMPTZ;
ALTER TABLE clips ADD COLUMN purged_at TIMESTAMPTZ;
CREATE INDEX clips_purge_after ON clips (purge_after) WHERE purged_at IS NULL;

-- What lies in the media store: a row per clip, generation and rung, and one per source (generation 0).
CREATE TABLE storage_usage (
    clip_id UUID NOT NULL,
    generation BIGINT NOT NULL,
    quality TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    segments BIGINT NOT NULL,
    planned BIGINT NOT NULL,
    whole BOOLEAN NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (clip_id, generation, quality)
);
CREATE INDEX storage_usage_quality ON storage_usage (quality);
CREATE INDEX storage_usage_owner_id ON storage_usage (owner_id);
