-- What playback tokens are signed with: the newest signs, those before it still verify until they are removed.
CREATE TABLE playback_keys (
    id INTEGER PRIMARY KEY,
    secret TEXT NOT NULL,
    created_at TEXT NOT NULL
);
