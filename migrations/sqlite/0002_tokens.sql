-- Bearer tokens: a SHA-256 of the secret, never the secret.
CREATE TABLE tokens (
    id                           BLOB    NOT NULL,
    project_id                   BLOB    NOT NULL,
    owner_id                     BLOB,
    name                         TEXT    NOT NULL,
    name_folded                  TEXT    NOT NULL,
    hash                         BLOB    NOT NULL,
    prefix                       TEXT    NOT NULL,
    last_four                    TEXT    NOT NULL,
    env                          TEXT    NOT NULL,
    scopes                       TEXT    NOT NULL,
    endpoint_ids                 TEXT    NOT NULL,
    rate_limit_per_minute        INTEGER,
    rate_limit_per_hour          INTEGER,
    monthly_budget_usd_cap_nanos INTEGER,
    daily_budget_usd_cap_nanos   INTEGER,
    daily_token_cap              INTEGER,
    metadata                     TEXT    NOT NULL,
    state                        TEXT    NOT NULL,
    revoked_at                   INTEGER,
    expires_at                   INTEGER,
    last_used_at                 INTEGER,
    created_at                   INTEGER NOT NULL,
    version                      INTEGER NOT NULL,
    CONSTRAINT tokens_pkey PRIMARY KEY (id),
    CONSTRAINT tokens_hash_key UNIQUE (hash),
    CONSTRAINT tokens_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id)
) STRICT;

CREATE INDEX tokens_project_id_created_at_idx ON tokens (project_id, created_at, id);
