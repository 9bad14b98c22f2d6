-- The tenants of the public routes. A deleted project is kept, so that history stays attributable.
-- Instants are microseconds since the epoch. `name_folded` is the lower-case name, for search and
-- for sorting; texts compare byte by byte, as they do on SQLite.
CREATE TABLE projects (
    id                  UUID                NOT NULL,
    name                TEXT COLLATE "C"    NOT NULL,
    name_folded         TEXT COLLATE "C"    NOT NULL,
    kind                TEXT COLLATE "C"    NOT NULL,
    env                 TEXT COLLATE "C"    NOT NULL,
    active              BOOLEAN             NOT NULL,
    default_provider_id UUID,
    metadata            JSONB               NOT NULL,
    created_at          BIGINT              NOT NULL,
    updated_at          BIGINT              NOT NULL,
    deleted_at          BIGINT,
    version             BIGINT              NOT NULL,
    CONSTRAINT projects_pkey PRIMARY KEY (id)
);
