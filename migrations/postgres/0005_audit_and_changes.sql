-- Who changed what. Each row carries the hash of the row before it.
CREATE TABLE audit_log (
    position      BIGINT           NOT NULL,
    id            UUID             NOT NULL,
    at            BIGINT           NOT NULL,
    actor_kind    TEXT COLLATE "C" NOT NULL,
    actor_id      TEXT COLLATE "C",
    action        TEXT COLLATE "C" NOT NULL,
    target_kind   TEXT COLLATE "C" NOT NULL,
    target_id     TEXT COLLATE "C" NOT NULL,
    project_id    UUID,
    details       JSONB            NOT NULL,
    previous_hash BYTEA,
    hash          BYTEA            NOT NULL,
    CONSTRAINT audit_log_pkey PRIMARY KEY (position),
    CONSTRAINT audit_log_id_key UNIQUE (id)
);

-- What running processes must take note of, by revision and without gaps until it is pruned.
CREATE TABLE changes (
    revision BIGINT           NOT NULL,
    change   TEXT COLLATE "C" NOT NULL,
    at       BIGINT           NOT NULL,
    CONSTRAINT changes_pkey PRIMARY KEY (revision)
);

CREATE INDEX changes_at_idx ON changes (at);

-- The one row that says where both end. A writer holds it from its first append until its commit,
-- so that the chain never forks and revisions commit in order; it is one row and not two, so that
-- writers cannot wait for each other in a circle.
CREATE TABLE heads (
    id             BIGINT NOT NULL,
    revision       BIGINT NOT NULL,
    audit_position BIGINT NOT NULL,
    audit_hash     BYTEA,
    CONSTRAINT heads_pkey PRIMARY KEY (id),
    CONSTRAINT heads_id_check CHECK (id = 1)
);

INSERT INTO heads (id, revision, audit_position, audit_hash) VALUES (1, 0, 0, NULL);
