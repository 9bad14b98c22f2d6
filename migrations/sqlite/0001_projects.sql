-- The tenants of the public routes. A deleted project is kept, so that history stays attributable.
-- Instants are microseconds since the epoch. `name_folded` is the lower-case name, for search and
-- for sorting.
CREATE TABLE projects (
    id                  BLOB    NOT NULL,
    name                TEXT    NOT NULL,
    name_folded         TEXT    NOT NULL,
    kind                TEXT    NOT NULL,
    env                 TEXT    NOT NULL,
    active              INTEGER NOT NULL,
    default_provider_id BLOB,
    metadata            TEXT    NOT NULL,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    deleted_at          INTEGER,
    version             INTEGER NOT NULL,
    CONSTRAINT projects_pkey PRIMARY KEY (id)
) STRICT;
