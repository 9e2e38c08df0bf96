-- Which parts of a clip a session saw.
ALTER TABLE video_streaming_analytics ADD COLUMN passes TEXT NOT NULL DEFAULT '[]';
CREATE INDEX video_streaming_analytics_clip_time ON video_streaming_analytics (clip_id, created_at);
DROP INDEX IF EXISTS video_streaming_analytics_clip_id;
CREATE INDEX video_streaming_analytics_score ON video_streaming_analytics (experience_score);

-- Keys have a name and an end, and it is known whether they are used.
ALTER TABLE api_keys ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN expires_at TEXT;
ALTER TABLE api_keys ADD COLUMN last_used_at TEXT;
