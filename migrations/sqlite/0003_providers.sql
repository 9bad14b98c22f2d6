-- Configured upstreams, and their secrets, which are sealed before they come here.
CREATE TABLE providers (
    id                  BLOB    NOT NULL,
    name                TEXT    NOT NULL,
    display_name        TEXT    NOT NULL,
    display_name_folded TEXT    NOT NULL,
    kind                TEXT    NOT NULL,
    base_url            TEXT    NOT NULL,
    models              TEXT    NOT NULL,
    config              TEXT    NOT NULL,
    enabled             INTEGER NOT NULL,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    version             INTEGER NOT NULL,
    CONSTRAINT providers_pkey PRIMARY KEY (id),
    CONSTRAINT providers_name_key UNIQUE (name)
) STRICT;

CREATE TABLE credentials (
    id          BLOB    NOT NULL,
    provider_id BLOB    NOT NULL,
    sealed      TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    CONSTRAINT credentials_pkey PRIMARY KEY (id),
    CONSTRAINT credentials_provider_id_fkey
        FOREIGN KEY (provider_id) REFERENCES providers (id) ON DELETE CASCADE
) STRICT;

CREATE INDEX credentials_provider_id_created_at_idx ON credentials (provider_id, created_at, id);
