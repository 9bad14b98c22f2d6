-- Who changed what. Each row carries the hash of the row before it.
CREATE TABLE audit_log (
    position      INTEGER NOT NULL,
    id            BLOB    NOT NULL,
    at            INTEGER NOT NULL,
    actor_kind    TEXT    NOT NULL,
    actor_id      TEXT,
    action        TEXT    NOT NULL,
    target_kind   TEXT    NOT NULL,
    target_id     TEXT    NOT NULL,
    project_id    BLOB,
    details       TEXT    NOT NULL,
    previous_hash BLOB,
    hash          BLOB    NOT NULL,
    CONSTRAINT audit_log_pkey PRIMARY KEY (position),
    CONSTRAINT audit_log_id_key UNIQUE (id)
) STRICT;

-- What running processes must take note of, by revision and without gaps until it is pruned.
CREATE TABLE changes (
    revision INTEGER NOT NULL,
    change   TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    CONSTRAINT changes_pkey PRIMARY KEY (revision)
) STRICT;

CREATE INDEX changes_at_idx ON changes (at);

-- The one row that says where both end. Writers of a SQLite file queue anyway; it is here because
-- both databases have the same tables.
CREATE TABLE heads (
    id             INTEGER NOT NULL,
    revision       INTEGER NOT NULL,
    audit_position INTEGER NOT NULL,
    audit_hash     BLOB,
    CONSTRAINT heads_pkey PRIMARY KEY (id),
    CONSTRAINT heads_id_check CHECK (id = 1)
) STRICT;

INSERT INTO heads (id, revision, audit_position, audit_hash) VALUES (1, 0, 0, NULL);
