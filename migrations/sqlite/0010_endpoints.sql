-- Named AI endpoints. What is configured is one document, kept letter by letter; what rows of other
-- tables depend on is a column, and only there.
CREATE TABLE endpoints (
    id                   BLOB    NOT NULL,
    project_id           BLOB    NOT NULL,
    slug                 TEXT    NOT NULL,
    name_folded          TEXT    NOT NULL,
    provider_template_id BLOB,
    provider_id          BLOB,
    credential_id        BLOB,
    config               TEXT    NOT NULL,
    guardrails           TEXT    NOT NULL,
    active               INTEGER NOT NULL,
    latest_version       INTEGER NOT NULL,
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL,
    version              INTEGER NOT NULL,
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
) STRICT;

-- Every configuration that an endpoint ever had.
CREATE TABLE endpoint_versions (
    endpoint_id BLOB    NOT NULL,
    number      INTEGER NOT NULL,
    snapshot    TEXT    NOT NULL,
    note        TEXT    NOT NULL,
    author_id   BLOB,
    created_at  INTEGER NOT NULL,
    CONSTRAINT endpoint_versions_pkey PRIMARY KEY (endpoint_id, number),
    CONSTRAINT endpoint_versions_endpoint_id_fkey
        FOREIGN KEY (endpoint_id) REFERENCES endpoints (id) ON DELETE CASCADE
) STRICT;

-- Golden sets, and what came out when they were asked.
CREATE TABLE evals (
    id          BLOB    NOT NULL,
    project_id  BLOB    NOT NULL,
    endpoint_id BLOB    NOT NULL,
    name        TEXT    NOT NULL,
    name_folded TEXT    NOT NULL,
    description TEXT,
    items       TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    CONSTRAINT evals_pkey PRIMARY KEY (id),
    CONSTRAINT evals_endpoint_id_fkey
        FOREIGN KEY (endpoint_id) REFERENCES endpoints (id) ON DELETE CASCADE
) STRICT;

CREATE INDEX evals_endpoint_id_name_idx ON evals (endpoint_id, name_folded, id);

CREATE TABLE eval_runs (
    id               BLOB    NOT NULL,
    eval_id          BLOB    NOT NULL,
    endpoint_id      BLOB    NOT NULL,
    project_id       BLOB    NOT NULL,
    endpoint_version INTEGER NOT NULL,
    passed           INTEGER NOT NULL,
    failed           INTEGER NOT NULL,
    duration_us      INTEGER NOT NULL,
    total_tokens     INTEGER NOT NULL,
    author_id        BLOB,
    started_at       INTEGER NOT NULL,
    finished_at      INTEGER NOT NULL,
    items            TEXT    NOT NULL,
    diff             TEXT,
    CONSTRAINT eval_runs_pkey PRIMARY KEY (id),
    CONSTRAINT eval_runs_eval_id_fkey FOREIGN KEY (eval_id) REFERENCES evals (id) ON DELETE CASCADE
) STRICT;

CREATE INDEX eval_runs_eval_id_started_at_idx ON eval_runs (eval_id, started_at, id);
