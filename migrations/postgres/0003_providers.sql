-- Configured upstreams, and their secrets, which are sealed before they come here.
CREATE TABLE providers (
    id                  UUID             NOT NULL,
    name                TEXT COLLATE "C" NOT NULL,
    display_name        TEXT COLLATE "C" NOT NULL,
    display_name_folded TEXT COLLATE "C" NOT NULL,
    kind                TEXT COLLATE "C" NOT NULL,
    base_url            TEXT COLLATE "C" NOT NULL,
    models              JSONB            NOT NULL,
    config              JSONB            NOT NULL,
    enabled             BOOLEAN          NOT NULL,
    created_at          BIGINT           NOT NULL,
    updated_at          BIGINT           NOT NULL,
    version             BIGINT           NOT NULL,
    CONSTRAINT providers_pkey PRIMARY KEY (id),
    CONSTRAINT providers_name_key UNIQUE (name)
);

CREATE TABLE credentials (
    id          UUID             NOT NULL,
    provider_id UUID             NOT NULL,
    sealed      TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT           NOT NULL,
    CONSTRAINT credentials_pkey PRIMARY KEY (id),
    CONSTRAINT credentials_provider_id_fkey
        FOREIGN KEY (provider_id) REFERENCES providers (id) ON DELETE CASCADE
);

CREATE INDEX credentials_provider_id_created_at_idx ON credentials (provider_id, created_at, id);
