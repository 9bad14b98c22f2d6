-- Choices of provider, model and settings that endpoints share.
CREATE TABLE templates (
    id                UUID             NOT NULL,
    name              TEXT COLLATE "C" NOT NULL,
    name_folded       TEXT COLLATE "C" NOT NULL,
    slug              TEXT COLLATE "C" NOT NULL,
    description       TEXT COLLATE "C" NOT NULL,
    tags              JSONB            NOT NULL,
    provider_id       UUID             NOT NULL,
    model             TEXT COLLATE "C" NOT NULL,
    credential_id     UUID,
    temperature       DOUBLE PRECISION,
    top_p             DOUBLE PRECISION,
    max_output_tokens BIGINT,
    active            BOOLEAN          NOT NULL,
    created_at        BIGINT           NOT NULL,
    updated_at        BIGINT           NOT NULL,
    version           BIGINT           NOT NULL,
    CONSTRAINT templates_pkey PRIMARY KEY (id),
    CONSTRAINT templates_slug_key UNIQUE (slug),
    CONSTRAINT templates_provider_id_fkey
        FOREIGN KEY (provider_id) REFERENCES providers (id) ON DELETE CASCADE,
    CONSTRAINT templates_credential_id_fkey
        FOREIGN KEY (credential_id) REFERENCES credentials (id) ON DELETE SET NULL
);

-- What a project does with a provider; no row means that nothing is special.
CREATE TABLE project_providers (
    project_id    UUID    NOT NULL,
    provider_id   UUID    NOT NULL,
    enabled       BOOLEAN NOT NULL,
    credential_id UUID,
    position      BIGINT,
    CONSTRAINT project_providers_pkey PRIMARY KEY (project_id, provider_id),
    CONSTRAINT project_providers_project_id_fkey
        FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,
    CONSTRAINT project_providers_provider_id_fkey
        FOREIGN KEY (provider_id) REFERENCES providers (id) ON DELETE CASCADE,
    CONSTRAINT project_providers_credential_id_fkey
        FOREIGN KEY (credential_id) REFERENCES credentials (id) ON DELETE SET NULL
);

-- A project's own names for models, and what they give where the client gives nothing.
CREATE TABLE aliases (
    id            UUID             NOT NULL,
    project_id    UUID             NOT NULL,
    name          TEXT COLLATE "C" NOT NULL,
    provider_id   UUID             NOT NULL,
    model         TEXT COLLATE "C" NOT NULL,
    description   TEXT COLLATE "C" NOT NULL,
    system_prompt TEXT COLLATE "C",
    temperature   DOUBLE PRECISION,
    top_p         DOUBLE PRECISION,
    max_tokens    BIGINT,
    created_at    BIGINT           NOT NULL,
    updated_at    BIGINT           NOT NULL,
    version       BIGINT           NOT NULL,
    CONSTRAINT aliases_pkey PRIMARY KEY (id),
    CONSTRAINT aliases_project_id_name_key UNIQUE (project_id, name),
    CONSTRAINT aliases_project_id_fkey
        FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,
    CONSTRAINT aliases_provider_id_fkey
        FOREIGN KEY (provider_id) REFERENCES providers (id) ON DELETE CASCADE
);
