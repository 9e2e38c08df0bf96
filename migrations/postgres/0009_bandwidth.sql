-- What was sent to viewers: increments, added every few seconds. Not made from the log, and never made anew.
CREATE TABLE bandwidth_usage (
    -- In UTC, as 2026-11-25.
    day TEXT NOT NULL,
    -- Whose clip it is, by pseudonym.
    user_id TEXT NOT NULL,
    clip_id UUID NOT NULL,
    -- A rung of the ladder; `download`, and `other` for what belongs to no rung.
    quality TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    PRIMARY KEY (day, user_id, clip_id, quality)
);
CREATE INDEX bandwidth_usage_clip_id ON bandwidth_usage (clip_id);
