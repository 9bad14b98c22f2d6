-- Conversations that are remembered for callers of endpoints, one row a message.
CREATE TABLE ai_sessions (
    id               BLOB    NOT NULL,
    endpoint_id      BLOB    NOT NULL,
    project_id       BLOB    NOT NULL,
    token_id         BLOB    NOT NULL,
    total_messages   INTEGER NOT NULL,
    total_tokens     INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    last_activity_at INTEGER NOT NULL,
    CONSTRAINT ai_sessions_pkey PRIMARY KEY (id),
    CONSTRAINT ai_sessions_endpoint_id_fkey
        FOREIGN KEY (endpoint_id) REFERENCES endpoints (id) ON DELETE CASCADE
) STRICT;

CREATE INDEX ai_sessions_endpoint_id_last_activity_at_idx ON ai_sessions (endpoint_id, last_activity_at, id);
CREATE INDEX ai_sessions_last_activity_at_idx ON ai_sessions (last_activity_at, id);

CREATE TABLE ai_session_messages (
    session_id        BLOB    NOT NULL,
    position          INTEGER NOT NULL,
    message           TEXT    NOT NULL,
    prompt_tokens     INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    CONSTRAINT ai_session_messages_pkey PRIMARY KEY (session_id, position),
    CONSTRAINT ai_session_messages_session_id_fkey
        FOREIGN KEY (session_id) REFERENCES ai_sessions (id) ON DELETE CASCADE
) STRICT;

-- Answers that are given again to equal calls, by the SHA-256 of everything they depend on.
CREATE TABLE response_cache (
    key               BLOB    NOT NULL,
    endpoint_id       BLOB    NOT NULL,
    project_id        BLOB    NOT NULL,
    provider          TEXT    NOT NULL,
    provider_model    TEXT    NOT NULL,
    prompt_tokens     INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    total_tokens      INTEGER NOT NULL,
    body              TEXT    NOT NULL,
    hit_count         INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    expires_at        INTEGER NOT NULL,
    CONSTRAINT response_cache_pkey PRIMARY KEY (key),
    CONSTRAINT response_cache_endpoint_id_fkey
        FOREIGN KEY (endpoint_id) REFERENCES endpoints (id) ON DELETE CASCADE
) STRICT;

CREATE INDEX response_cache_endpoint_id_idx ON response_cache (endpoint_id);
CREATE INDEX response_cache_expires_at_idx ON response_cache (expires_at);
