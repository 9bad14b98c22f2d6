-- Calls of the past that get other prices, and how far that is.
CREATE TABLE repricings (
    id            BLOB NOT NULL,
    from_at       INTEGER NOT NULL,
    to_at         INTEGER NOT NULL,
    provider      TEXT,
    model         TEXT,
    price_version TEXT,
    dry_run       INTEGER NOT NULL,
    state         TEXT NOT NULL,
    cursor_at     INTEGER,
    cursor_id     BLOB,
    examined      INTEGER NOT NULL,
    changed       INTEGER NOT NULL,
    before_nanos  INTEGER NOT NULL,
    after_nanos   INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    CONSTRAINT repricings_pkey PRIMARY KEY (id)
) STRICT;

CREATE INDEX repricings_created_at_idx ON repricings (created_at);
