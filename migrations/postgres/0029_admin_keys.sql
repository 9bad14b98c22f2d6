-- Admin API keys, by the SHA-256 of what is presented. After a rotation the secret before serves until
-- its time is over.
CREATE TABLE admin_keys (
    id             UUID             NOT NULL,
    name           TEXT COLLATE "C" NOT NULL,
    name_folded    TEXT COLLATE "C" NOT NULL,
    hash           BYTEA            NOT NULL,
    previous_hash  BYTEA,
    previous_until BIGINT,
    prefix         TEXT COLLATE "C" NOT NULL,
    created_at     BIGINT           NOT NULL,
    expires_at     BIGINT,
    last_used_at   BIGINT,
    revoked_at     BIGINT,
    version        BIGINT           NOT NULL,
    CONSTRAINT admin_keys_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX admin_keys_hash_key ON admin_keys (hash);
CREATE INDEX admin_keys_previous_hash_idx ON admin_keys (previous_hash);
-- Names of keys that were revoked are free again.
CREATE UNIQUE INDEX admin_keys_name_folded_key ON admin_keys (name_folded) WHERE revoked_at IS NULL;
