-- Still pictures of a clip, and captions.
ALTER TABLE clips ADD COLUMN poster_url TEXT;
ALTER TABLE clips ADD COLUMN storyboard_url TEXT;
ALTER TABLE clips ADD COLUMN thumbnails_generation INTEGER;

CREATE TABLE clip_captions (
    clip_id TEXT NOT NULL,
    language TEXT NOT NULL,
    name TEXT NOT NULL,
    object TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    cues INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (clip_id, language)
) STRICT;
