-- Choices of provider, model and settings that endpoints share.
CREATE TABLE templates (
    id                BLOB    NOT NULL,
    name              TEXT    NOT NULL,
    name_folded       TEXT    NOT NULL,
    slug              TEXT    NOT NULL,
    description       TEXT    NOT NULL,
    tags              TEXT    NOT NULL,
    provider_id       BLOB    NOT NULL,
    model             TEXT    NOT NULL,
    credential_id     BLOB,
    temperature       REAL,
    top_p             REAL,
    max_output_tokens INTEGER,
    active            INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    version           INTEGER NOT NULL,
    CONSTRAINT templates_pkey PRIMARY KEY (id),
    CONSTRAINT templates_slug_key UNIQUE (slug),
    CONSTRAINT templates_provider_id_fkey
        FOREIGN KEY (provider_id) REFERENCES providers (id) ON DELETE CASCADE,
    CONSTRAINT templates_credential_id_fkey
        FOREIGN KEY (credential_id) REFERENCES credentials (id) ON DELETE SET NULL
) STRICT;

-- What a project does with a provider; no row means that nothing is special.
CREATE TABLE project_providers (
    project_id    BLOB    NOT NULL,
    provider_id   BLOB    NOT NULL,
    enabled       INTEGER NOT NULL,
    credential_id BLOB,
    position      INTEGER,
    CONSTRAINT project_providers_pkey PRIMARY KEY (project_id, provider_id),
    CONSTRAINT project_providers_project_id_fkey
        FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,
    CONSTRAINT project_providers_provider_id_fkey
        FOREIGN KEY (provider_id) REFERENCES providers (id) ON DELETE CASCADE,
    CONSTRAINT project_providers_credential_id_fkey
        FOREIGN KEY (credential_id) REFERENCES credentials (id) ON DELETE SET NULL
) STRICT;

-- A project's own names for models, and what they give where the client gives nothing.
CREATE TABLE aliases (
    id            BLOB    NOT NULL,
    project_id    BLOB    NOT NULL,
    name          TEXT    NOT NULL,
    provider_id   BLOB    NOT NULL,
    model         TEXT    NOT NULL,
    description   TEXT    NOT NULL,
    system_prompt TEXT,
    temperature   REAL,
    top_p         REAL,
    max_tokens    INTEGER,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    CONSTRAINT aliases_pkey PRIMARY KEY (id),
    CONSTRAINT aliases_project_id_name_key UNIQUE (project_id, name),
    CONSTRAINT aliases_project_id_fkey
        FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,
    CONSTRAINT aliases_provider_id_fkey
        FOREIGN KEY (provider_id) REFERENCES providers (id) ON DELETE CASCADE
) STRICT;
