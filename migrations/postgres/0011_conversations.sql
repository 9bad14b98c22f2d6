-- Conversations that are remembered for callers of endpoints, one row a message.
CREATE TABLE ai_sessions (
    id               UUID   NOT NULL,
    endpoint_id      UUID   NOT NULL,
    project_id       UUID   NOT NULL,
    token_id         UUID   NOT NULL,
    total_messages   BIGINT NOT NULL,
    total_tokens     BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    last_activity_at BIGINT NOT NULL,
    CONSTRAINT ai_sessions_pkey PRIMARY KEY (id),
    CONSTRAINT ai_sessions_endpoint_id_fkey
        FOREIGN KEY (endpoint_id) REFERENCES endpoints (id) ON DELETE CASCADE
);

CREATE INDEX ai_sessions_endpoint_id_last_activity_at_idx ON ai_sessions (endpoint_id, last_activity_at, id);
CREATE INDEX ai_sessions_last_activity_at_idx ON ai_sessions (last_activity_at, id);

CREATE TABLE ai_session_messages (
    session_id        UUID             NOT NULL,
    position          BIGINT           NOT NULL,
    message           TEXT COLLATE "C" NOT NULL,
    prompt_tokens     BIGINT           NOT NULL,
    completion_tokens BIGINT           NOT NULL,
    created_at        BIGINT           NOT NULL,
    CONSTRAINT ai_session_messages_pkey PRIMARY KEY (session_id, position),
    CONSTRAINT ai_session_messages_session_id_fkey
        FOREIGN KEY (session_id) REFERENCES ai_sessions (id) ON DELETE CASCADE
);

-- Answers that are given again to equal calls, by the SHA-256 of everything they depend on.
CREATE TABLE response_cache (
    key               BYTEA            NOT NULL,
    endpoint_id       UUID             NOT NULL,
    project_id        UUID             NOT NULL,
    provider          TEXT COLLATE "C" NOT NULL,
    provider_model    TEXT COLLATE "C" NOT NULL,
    prompt_tokens     BIGINT           NOT NULL,
    completion_tokens BIGINT           NOT NULL,
    total_tokens      BIGINT           NOT NULL,
    body              TEXT COLLATE "C" NOT NULL,
    hit_count         BIGINT           NOT NULL,
    created_at        BIGINT           NOT NULL,
    expires_at        BIGINT           NOT NULL,
    CONSTRAINT response_cache_pkey PRIMARY KEY (key),
    CONSTRAINT response_cache_endpoint_id_fkey
        FOREIGN KEY (endpoint_id) REFERENCES endpoints (id) ON DELETE CASCADE
);

CREATE INDEX response_cache_endpoint_id_idx ON response_cache (endpoint_id);
CREATE INDEX response_cache_expires_at_idx ON response_cache (expires_at);
