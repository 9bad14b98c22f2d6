-- Calls that a client may repeat without them being made twice, by token and by the SHA-256 of the
-- client's key. The answer's body is sealed before it comes here.
CREATE TABLE idempotency (
    token_id   BLOB    NOT NULL,
    key_hash   BLOB    NOT NULL,
    body_hash  BLOB    NOT NULL,
    call_id    BLOB    NOT NULL,
    state      TEXT    NOT NULL,
    status     INTEGER,
    headers    TEXT    NOT NULL,
    body       TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CONSTRAINT idempotency_pkey PRIMARY KEY (token_id, key_hash)
) STRICT;

CREATE INDEX idempotency_expires_at_idx ON idempotency (expires_at);
