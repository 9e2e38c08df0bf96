-- What the first release left: its schema is that of migrations 0001 to 0003, its events are of schema version 1. Both databases
-- take it. It is never edited: a later release gets a file of its own.

INSERT INTO clip_events (position, stream_id, version, event_type, schema_version, payload, metadata, recorded_at, command_id, command_index) VALUES (1, 'clip-0190a3c2-7f4e-7cc3-98c4-dc0c0c073990', 1, 'ClipRegistered', 1,
    '{"slug": "amazing-moment", "title": "Amazing moment", "visibility": "public", "embed_url": "https://clips.example/embed?clip=a", "twitch_clip_url": null, "owner_id": "ann"}',
    '{"actor": "ann", "command_id": "c1", "node": "node-a"}', '2026-11-24T20:00:01.000+00:00', 'c1', 0);
INSERT INTO clip_events (position, stream_id, version, event_type, schema_version, payload, metadata, recorded_at, command_id, command_index) VALUES (2, 'clip-0190a3c2-7f4e-7cc3-98c4-dc0c0c073990', 2, 'SourceStored', 1,
    '{"object": "0190a3c2-7f4e-7cc3-98c4-dc0c0c073990/source/9f86d081.mp4", "bytes": 12345678, "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "filename": "My clip.mp4"}',
    '{"actor": "ann", "command_id": "c2", "node": "node-a"}', '2026-11-24T20:00:02.000+00:00', 'c2', 0);
INSERT INTO clip_events (position, stream_id, version, event_type, schema_version, payload, metadata, recorded_at, command_id, command_index) VALUES (3, 'clip-0190a3c2-7f4e-7cc3-98c4-dc0c0c073990', 3, 'EncodingRequested', 1,
    '{"generation": 1, "qualities": ["480p", "720p"], "priority": 5, "class": "fresh"}',
    '{"actor": "ann", "command_id": "c3", "node": "node-a"}', '2026-11-24T20:00:03.000+00:00', 'c3', 0);
INSERT INTO clip_events (position, stream_id, version, event_type, schema_version, payload, metadata, recorded_at, command_id, command_index) VALUES (4, 'clip-0190a3c3-0000-7cc3-98c4-dc0c0c073991', 1, 'ClipRegistered', 1,
    '{"slug": "waiting", "title": "Ann''s other clip", "visibility": "private", "embed_url": null, "twitch_clip_url": null, "owner_id": "ann"}',
    '{"actor": "ann", "command_id": "c4", "node": "node-a"}', '2026-11-24T20:00:04.000+00:00', 'c4', 0);
INSERT INTO clip_events (position, stream_id, version, event_type, schema_version, payload, metadata, recorded_at, command_id, command_index) VALUES (5, 'clip-0190a3c2-7f4e-7cc3-98c4-dc0c0c073990', 4, 'EncodingStarted', 1,
    '{"generation": 1, "token": 3, "worker": "worker:0190"}',
    '{"actor": "ann", "command_id": "c5", "node": "node-a"}', '2026-11-24T20:00:05.000+00:00', 'c5', 0);
INSERT INTO clip_events (position, stream_id, version, event_type, schema_version, payload, metadata, recorded_at, command_id, command_index) VALUES (6, 'clip-0190a3c2-7f4e-7cc3-98c4-dc0c0c073990', 5, 'SourceProbed', 1,
    '{"container": "mov,mp4,m4a,3gp,3g2,mj2", "video_stream": 0, "video_codec": "h264", "coded_width": 1920, "coded_height": 1080, "sample_aspect": [1, 1], "quarter_turned": false, "frame_rate": {"num": 30000, "den": 1001}, "duration_ms": 31200, "interlaced": false, "pixel_format": "yuv420p", "transfer": "bt709", "audio": {"stream": 1, "codec": "aac", "channels": 2, "sample_rate": 48000}, "bitrate": 8000000}',
    '{"actor": "ann", "command_id": "c6", "node": "node-a"}', '2026-11-24T20:00:06.000+00:00', 'c6', 0);
INSERT INTO clip_events (position, stream_id, version, event_type, schema_version, payload, metadata, recorded_at, command_id, command_index) VALUES (7, 'clip-0190a3c2-7f4e-7cc3-98c4-dc0c0c073990', 6, 'EncodingPlanned', 1,
    '{"generation": 1, "plan": {"frame_rate": {"num": 30000, "den": 1001}, "key_frame_interval": 60, "segment_frames": 180, "frame_limit": 950, "deinterlace": false, "tone_map": false, "audio": true, "rungs": [{"quality": "480p", "width": 854, "height": 480, "frame_step": 1, "codec": "h264_main", "level": 31, "max_kbps": 2200, "buffer_kbit": 4000, "audio_kbps": 128}, {"quality": "720p", "width": 1280, "height": 720, "frame_step": 1, "codec": "h264_high", "level": 31, "max_kbps": 5500, "buffer_kbit": 10000, "audio_kbps": 192}]}}',
    '{"actor": "ann", "command_id": "c7", "node": "node-a"}', '2026-11-24T20:00:07.000+00:00', 'c7', 0);
INSERT INTO clip_events (position, stream_id, version, event_type, schema_version, payload, metadata, recorded_at, command_id, command_index) VALUES (8, 'clip-0190a3c2-7f4e-7cc3-98c4-dc0c0c073990', 7, 'VariantReady', 1,
    '{"generation": 1, "variant": {"quality": "480p", "width": 854, "height": 480, "bitrate": 1951691, "average_bitrate": 1393958, "codec": "avc1.4d401e,mp4a.40.2", "frame_rate": {"num": 30000, "den": 1001}, "target_duration": 6, "segments": [{"duration_90k": 540540, "bytes": 2000000}, {"duration_90k": 90090, "bytes": 300000}], "copied": false, "storage_path": "0190a3c2-7f4e-7cc3-98c4-dc0c0c073990/1/480p"}}',
    '{"actor": "ann", "command_id": "c8", "node": "node-a"}', '2026-11-24T20:00:08.000+00:00', 'c8', 0);
INSERT INTO clip_events (position, stream_id, version, event_type, schema_version, payload, metadata, recorded_at, command_id, command_index) VALUES (9, 'clip-0190a3c2-7f4e-7cc3-98c4-dc0c0c073990', 8, 'VariantReady', 1,
    '{"generation": 1, "variant": {"quality": "720p", "width": 1280, "height": 720, "bitrate": 2871000, "average_bitrate": 2410000, "codec": "avc1.64001f,mp4a.40.2", "frame_rate": {"num": 30000, "den": 1001}, "target_duration": 6, "segments": [{"duration_90k": 540540, "bytes": 2000000}, {"duration_90k": 90090, "bytes": 300000}], "copied": false, "storage_path": "0190a3c2-7f4e-7cc3-98c4-dc0c0c073990/1/720p"}}',
    '{"actor": "ann", "command_id": "c9", "node": "node-a"}', '2026-11-24T20:00:09.000+00:00', 'c9', 0);
INSERT INTO clip_events (position, stream_id, version, event_type, schema_version, payload, metadata, recorded_at, command_id, command_index) VALUES (10, 'clip-0190a3c3-0000-7cc3-98c4-dc0c0c073991', 2, 'SourceStored', 1,
    '{"object": "0190a3c3-0000-7cc3-98c4-dc0c0c073991/source/9f86d081.mp4", "bytes": 12345678, "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "filename": "My clip.mp4"}',
    '{"actor": "ann", "command_id": "c10", "node": "node-a"}', '2026-11-24T20:00:10.000+00:00', 'c10', 0);
INSERT INTO clip_events (position, stream_id, version, event_type, schema_version, payload, metadata, recorded_at, command_id, command_index) VALUES (11, 'clip-0190a3c3-0000-7cc3-98c4-dc0c0c073991', 3, 'EncodingRequested', 1,
    '{"generation": 1, "qualities": ["480p", "720p"], "priority": 5, "class": "fresh"}',
    '{"actor": "ann", "command_id": "c11", "node": "node-a"}', '2026-11-24T20:00:11.000+00:00', 'c11', 0);
INSERT INTO clip_events (position, stream_id, version, event_type, schema_version, payload, metadata, recorded_at, command_id, command_index) VALUES (12, 'clip-0190a3c2-7f4e-7cc3-98c4-dc0c0c073990', 9, 'EncodingCompleted', 1,
    '{"generation": 1, "qualities": ["480p", "720p"], "failed": []}',
    '{"actor": "ann", "command_id": "c12", "node": "node-a"}', '2026-11-24T20:00:12.000+00:00', 'c12', 0);
INSERT INTO playback_events (position, stream_id, version, event_type, schema_version, payload, metadata, recorded_at, command_id, command_index) VALUES (1, 'session-0190a3c2-7f4e-7cc3-98c4-dc0c0c07398f', 1, 'PlaybackReported', 1,
    '{"clip": "amazing-moment", "clip_id": "0190a3c2-7f4e-7cc3-98c4-dc0c0c073990", "user_id": "bob", "sent_at": 1795550400500, "records": [{"ts": 1795550400000, "e": "ps", "sta": "s"}, {"ts": 1795550400500, "e": "ps", "sta": "p", "bl": 6000, "br": 2400, "quality": "720p"}]}',
    '{}', '2026-11-24T20:01:01.000+00:00', 'r1', 0);
INSERT INTO playback_events (position, stream_id, version, event_type, schema_version, payload, metadata, recorded_at, command_id, command_index) VALUES (2, 'session-0190a3c2-7f4e-7cc3-98c4-dc0c0c07398f', 2, 'PlaybackReported', 1,
    '{"clip": "amazing-moment", "clip_id": "0190a3c2-7f4e-7cc3-98c4-dc0c0c073990", "user_id": "bob", "sent_at": 1795550410500, "records": [{"ts": 1795550410500, "e": "ps", "sta": "e"}]}',
    '{}', '2026-11-24T20:01:02.000+00:00', 'r2', 0);
UPDATE log_head SET position = 12 WHERE log = 'clip';
UPDATE log_head SET position = 2 WHERE log = 'playback';
-- Rows of then, which serve until those of today have been made.
INSERT INTO clips (id, slug, title, owner_id, visibility, embed_url, hls_available, hls_master_url, hls_processing_status, hls_qualities,
    hls_processed_at, encoding_state, generation, duration, width, height, views, position, created_at, updated_at) VALUES
    ('0190a3c2-7f4e-7cc3-98c4-dc0c0c073990', 'amazing-moment', 'Amazing moment', 'ann', 'public', 'https://clips.example/embed?clip=a',
    (1 = 1), '/api/video/amazing-moment/master.m3u8', 'completed', '["480p","720p"]', '2026-11-24T20:00:12.000+00:00', 'completed', 1,
    31.2, 1920, 1080, 0, 1, '2026-11-24T20:00:01.000+00:00', '2026-11-24T20:00:12.000+00:00'),
    ('0190a3c3-0000-7cc3-98c4-dc0c0c073991', 'waiting', 'Ann''s other clip', 'ann', 'private', NULL,
    (1 = 0), NULL, 'pending', '[]', NULL, 'queued', 1,
    NULL, NULL, NULL, 0, 4, '2026-11-24T20:00:04.000+00:00', '2026-11-24T20:00:11.000+00:00');
INSERT INTO projection_checkpoints (name, version, position, updated_at) VALUES
    ('clips', 1, 12, '2026-11-24T20:00:12.000+00:00'), ('video_variants', 1, 12, '2026-11-24T20:00:12.000+00:00'),
    ('encoding_queue', 1, 12, '2026-11-24T20:00:12.000+00:00'), ('video_streaming_analytics', 1, 2, '2026-11-24T20:01:02.000+00:00');
INSERT INTO api_keys (id, user_id, hash, scopes, created_at) VALUES ('0190a3c2-7f4e-7cc3-98c4-dc0c0c073999', 'ann',
    'c1176ed96558e41d0d529ca15efb41beeadcca9e9217f0d4d4b61c6f687b4294', 'clips:write', '2026-11-24T20:00:00.000+00:00');
