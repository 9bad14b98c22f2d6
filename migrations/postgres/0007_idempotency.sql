-- Calls that a client may repeat without them being made twice, by token and by the SHA-256 of the
-- client's key. The answer's body is sealed before it comes here.
CREATE TABLE idempotency (
    token_id   UUID             NOT NULL,
    key_hash   BYTEA            NOT NULL,
    body_hash  BYTEA            NOT NULL,
    call_id    UUID             NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    status     BIGINT,
    headers    JSONB            NOT NULL,
    body       TEXT COLLATE "C",
    created_at BIGINT           NOT NULL,
    expires_at BIGINT           NOT NULL,
    CONSTRAINT idempotency_pkey PRIMARY KEY (token_id, key_hash)
);

CREATE INDEX idempotency_expires_at_idx ON idempotency (expires_at);
