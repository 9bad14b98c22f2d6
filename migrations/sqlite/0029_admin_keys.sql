-- Admin API keys, by the SHA-256 of what is presented. After a rotation the secret before serves until
-- its time is over.
CREATE TABLE admin_keys (
    id             BLOB    NOT NULL,
    name           TEXT    NOT NULL,
    name_folded    TEXT    NOT NULL,
    hash           BLOB    NOT NULL,
    previous_hash  BLOB,
    previous_until INTEGER,
    prefix         TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER,
    last_used_at   INTEGER,
    revoked_at     INTEGER,
    version        INTEGER NOT NULL,
    CONSTRAINT admin_keys_pkey PRIMARY KEY (id)
) STRICT;
CREATE UNIQUE INDEX admin_keys_hash_key ON admin_keys (hash);
CREATE INDEX admin_keys_previous_hash_idx ON admin_keys (previous_hash);
-- Names of keys that were revoked are free again.
CREATE UNIQUE INDEX admin_keys_name_folded_key ON admin_keys (name_folded) WHERE revoked_at IS NULL;
