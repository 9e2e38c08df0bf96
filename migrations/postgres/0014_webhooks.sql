-- Who is told what happens to clips. Each endpoint follows the clip log from a position of its own.
CREATE TABLE webhook_endpoints (
    id UUID PRIMARY KEY,
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    -- Types of events, separated by spaces; empty for all.
    events TEXT NOT NULL,
    secret TEXT NOT NULL,
    previous_secret TEXT,
    previous_until TIMESTAMPTZ,
    enabled BOOLEAN NOT NULL,
    disabled_reason TEXT,
    -- Events up to here have become deliveries.
    position BIGINT NOT NULL,
    -- Since when nothing has been delivered, though it was tried.
    failing_since TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

-- What an endpoint is told, and how that went.
CREATE TABLE webhook_deliveries (
    id UUID PRIMARY KEY,
    endpoint_id UUID NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    message_id TEXT NOT NULL,
    clip_id UUID NOT NULL,
    position BIGINT NOT NULL,
    event_type TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_attempt_at TIMESTAMPTZ NOT NULL,
    first_attempt_at TIMESTAMPTZ,
    last_attempt_at TIMESTAMPTZ,
    response_status BIGINT,
    response_body TEXT,
    error TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (endpoint_id, position)
);
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (endpoint_id, clip_id, position) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (last_attempt_at) WHERE state <> 'pending';

-- Sources that are fetched from elsewhere.
CREATE TABLE imports (
    clip_id UUID PRIMARY KEY,
    url TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    run_after TIMESTAMPTZ NOT NULL,
    bytes BIGINT NOT NULL,
    total BIGINT,
    failure_code TEXT,
    failure_detail TEXT,
    actor TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX imports_waiting ON imports (run_after) WHERE state IN ('waiting', 'fetching');
