-- What the record of a call says besides: where it was sent and why, which providers were tried,
-- what a cached answer saved, and who called. Rows from before have none of it.
ALTER TABLE usage_events ADD COLUMN endpoint_id          BLOB;
ALTER TABLE usage_events ADD COLUMN endpoint_slug        TEXT;
ALTER TABLE usage_events ADD COLUMN parent_request_id    TEXT;
ALTER TABLE usage_events ADD COLUMN credential_id        BLOB;
ALTER TABLE usage_events ADD COLUMN routing_decision     TEXT;
ALTER TABLE usage_events ADD COLUMN tried                TEXT    NOT NULL DEFAULT '[]';
ALTER TABLE usage_events ADD COLUMN cache_hit            INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_events ADD COLUMN cached_tokens        INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_events ADD COLUMN error_message        TEXT;
ALTER TABLE usage_events ADD COLUMN client_tool          TEXT;
ALTER TABLE usage_events ADD COLUMN client_session       TEXT;
ALTER TABLE usage_events ADD COLUMN provider_response_id TEXT;
ALTER TABLE usage_events ADD COLUMN upstream_us          INTEGER;
ALTER TABLE usage_events ADD COLUMN dropped              TEXT    NOT NULL DEFAULT '[]';

-- Each one costs something with every call, so that they hold only the rows that they are for.
CREATE INDEX usage_events_owner_id_at_idx ON usage_events (owner_id, at, id) WHERE owner_id IS NOT NULL;
CREATE INDEX usage_events_model_at_idx ON usage_events (model, at, id) WHERE model IS NOT NULL;
CREATE INDEX usage_events_status_at_idx ON usage_events (status, at, id) WHERE status >= 400;
CREATE INDEX usage_events_parent_request_id_idx ON usage_events (parent_request_id)
    WHERE parent_request_id IS NOT NULL;

-- What was said in a call, kept for a shorter time than its event and never read by lists.
CREATE TABLE call_contents (
    call_id    BLOB    NOT NULL,
    at         INTEGER NOT NULL,
    project_id BLOB    NOT NULL,
    prompt     TEXT,
    request    TEXT,
    response   TEXT,
    tool_calls TEXT    NOT NULL,
    truncated  INTEGER NOT NULL,
    CONSTRAINT call_contents_pkey PRIMARY KEY (call_id)
) STRICT;

CREATE INDEX call_contents_at_idx ON call_contents (at, call_id);
