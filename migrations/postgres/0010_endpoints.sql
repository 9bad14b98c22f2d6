-- Named AI endpoints. What is configured is one document, kept letter by letter; what rows of other
-- tables depend on is a column, and only there.
CREATE TABLE endpoints (
    id                   UUID             NOT NULL,
    project_id           UUID             NOT NULL,
    slug                 TEXT COLLATE "C" NOT NULL,
    name_folded          TEXT COLLATE "C" NOT NULL,
    provider_template_id UUID,
    provider_id          UUID,
    credential_id        UUID,
    config               TEXT COLLATE "C" NOT NULL,
    guardrails           JSONB            NOT NULL,
    active               BOOLEAN          NOT NULL,
    latest_version       BIGINT           NOT NULL,
    created_at           BIGINT           NOT NULL,
    updated_at           BIGINT           NOT NULL,
    version              BIGINT           NOT NULL,
    CONSTRAINT endpoints_pkey PRIMARY KEY (id),
    CONSTRAINT endpoints_project_id_slug_key UNIQUE (project_id, slug),
    CONSTRAINT endpoints_project_id_fkey
        FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,
    CONSTRAINT endpoints_provider_template_id_fkey
        FOREIGN KEY (provider_template_id) REFERENCES templates (id) ON DELETE SET NULL,
    CONSTRAINT endpoints_provider_id_fkey
        FOREIGN KEY (provider_id) REFERENCES providers (id) ON DELETE SET NULL,
    CONSTRAINT endpoints_credential_id_fkey
        FOREIGN KEY (credential_id) REFERENCES credentials (id) ON DELETE SET NULL
);

-- Every configuration that an endpoint ever had.
CREATE TABLE endpoint_versions (
    endpoint_id UUID             NOT NULL,
    number      BIGINT           NOT NULL,
    snapshot    TEXT COLLATE "C" NOT NULL,
    note        TEXT COLLATE "C" NOT NULL,
    author_id   UUID,
    created_at  BIGINT           NOT NULL,
    CONSTRAINT endpoint_versions_pkey PRIMARY KEY (endpoint_id, number),
    CONSTRAINT endpoint_versions_endpoint_id_fkey
        FOREIGN KEY (endpoint_id) REFERENCES endpoints (id) ON DELETE CASCADE
);

-- Golden sets, and what came out when they were asked.
CREATE TABLE evals (
    id          UUID             NOT NULL,
    project_id  UUID             NOT NULL,
    endpoint_id UUID             NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C",
    items       TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT           NOT NULL,
    updated_at  BIGINT           NOT NULL,
    version     BIGINT           NOT NULL,
    CONSTRAINT evals_pkey PRIMARY KEY (id),
    CONSTRAINT evals_endpoint_id_fkey
        FOREIGN KEY (endpoint_id) REFERENCES endpoints (id) ON DELETE CASCADE
);

CREATE INDEX evals_endpoint_id_name_idx ON evals (endpoint_id, name_folded, id);

CREATE TABLE eval_runs (
    id               UUID             NOT NULL,
    eval_id          UUID             NOT NULL,
    endpoint_id      UUID             NOT NULL,
    project_id       UUID             NOT NULL,
    endpoint_version BIGINT           NOT NULL,
    passed           BIGINT           NOT NULL,
    failed           BIGINT           NOT NULL,
    duration_us      BIGINT           NOT NULL,
    total_tokens     BIGINT           NOT NULL,
    author_id        UUID,
    started_at       BIGINT           NOT NULL,
    finished_at      BIGINT           NOT NULL,
    items            TEXT COLLATE "C" NOT NULL,
    diff             TEXT COLLATE "C",
    CONSTRAINT eval_runs_pkey PRIMARY KEY (id),
    CONSTRAINT eval_runs_eval_id_fkey FOREIGN KEY (eval_id) REFERENCES evals (id) ON DELETE CASCADE
);

CREATE INDEX eval_runs_eval_id_started_at_idx ON eval_runs (eval_id, started_at, id);
