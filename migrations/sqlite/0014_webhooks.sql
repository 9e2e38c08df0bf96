-- Who is told what happens to clips. Each endpoint follows the clip log from a position of its own.
CREATE TABLE webhook_endpoints (
    id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    -- Types of events, separated by spaces; empty for all.
    events TEXT NOT NULL,
    secret TEXT NOT NULL,
    previous_secret TEXT,
    previous_until TEXT,
    enabled INTEGER NOT NULL,
    disabled_reason TEXT,
    -- Events up to here have become deliveries.
    position INTEGER NOT NULL,
    -- Since when nothing has been delivered, though it was tried.
    failing_since TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

-- What an endpoint is told, and how that went.
CREATE TABLE webhook_deliveries (
    id TEXT PRIMARY KEY,
    endpoint_id TEXT NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    message_id TEXT NOT NULL,
    clip_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    event_type TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at TEXT NOT NULL,
    first_attempt_at TEXT,
    last_attempt_at TEXT,
    response_status INTEGER,
    response_body TEXT,
    error TEXT,
    created_at TEXT NOT NULL,
    UNIQUE (endpoint_id, position)
) STRICT;
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (endpoint_id, clip_id, position) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (last_attempt_at) WHERE state <> 'pending';

-- Sources that are fetched from elsewhere.
CREATE TABLE imports (
    clip_id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    run_after TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    total INTEGER,
    failure_code TEXT,
    failure_detail TEXT,
    actor TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX imports_waiting ON imports (run_after) WHERE state IN ('waiting', 'fetching');
