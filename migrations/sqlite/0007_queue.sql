-- Since when a lease is held, for whoever asks what workers do.
ALTER TABLE leases ADD COLUMN taken_at TEXT;

-- What a backfill needs to know: how large a clip's source is, once there is one, and where an imported clip's source lies.
ALTER TABLE clips ADD COLUMN source_bytes INTEGER;
ALTER TABLE clips ADD COLUMN source_url TEXT;

-- Whose fault it was that a clip has no HLS: what lies in the content is not tried again.
ALTER TABLE clips ADD COLUMN failure_class TEXT;
