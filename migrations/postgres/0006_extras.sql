-- Still pictures of a clip, and captions.
ALTER TABLE clips ADD COLUMN poster_url TEXT;
ALTER TABLE clips ADD COLUMN storyboard_url TEXT;
ALTER TABLE clips ADD COLUMN thumbnails_generation BIGINT;

CREATE TABLE clip_captions (
    clip_id UUID NOT NULL,
    language TEXT NOT NULL,
    name TEXT NOT NULL,
    object TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    cues BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (clip_id, language)
);
