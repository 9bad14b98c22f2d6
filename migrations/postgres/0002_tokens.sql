-- Bearer tokens: a SHA-256 of the secret, never the secret.
CREATE TABLE tokens (
    id                           UUID             NOT NULL,
    project_id                   UUID             NOT NULL,
    owner_id                     UUID,
    name                         TEXT COLLATE "C" NOT NULL,
    name_folded                  TEXT COLLATE "C" NOT NULL,
    hash                         BYTEA            NOT NULL,
    prefix                       TEXT COLLATE "C" NOT NULL,
    last_four                    TEXT COLLATE "C" NOT NULL,
    env                          TEXT COLLATE "C" NOT NULL,
    scopes                       JSONB            NOT NULL,
    endpoint_ids                 JSONB            NOT NULL,
    rate_limit_per_minute        BIGINT,
    rate_limit_per_hour          BIGINT,
    monthly_budget_usd_cap_nanos BIGINT,
    daily_budget_usd_cap_nanos   BIGINT,
    daily_token_cap              BIGINT,
    metadata                     JSONB            NOT NULL,
    state                        TEXT COLLATE "C" NOT NULL,
    revoked_at                   BIGINT,
    expires_at                   BIGINT,
    last_used_at                 BIGINT,
    created_at                   BIGINT           NOT NULL,
    version                      BIGINT           NOT NULL,
    CONSTRAINT tokens_pkey PRIMARY KEY (id),
    CONSTRAINT tokens_hash_key UNIQUE (hash),
    CONSTRAINT tokens_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id)
);

CREATE INDEX tokens_project_id_created_at_idx ON tokens (project_id, created_at, id);
