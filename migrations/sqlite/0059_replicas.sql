-- Processes that run, as they last said of themselves.
CREATE TABLE replicas (
    id            BLOB    NOT NULL,
    kind          TEXT    NOT NULL,
    version       TEXT    NOT NULL,
    host          TEXT    NOT NULL,
    address       TEXT    NOT NULL,
    process       INTEGER NOT NULL,
    answers_calls INTEGER NOT NULL,
    started_at    INTEGER NOT NULL,
    seen_at       INTEGER NOT NULL,
    -- What it works from; nothing for a process that works from no configuration.
    revision      INTEGER,
    CONSTRAINT replicas_pkey PRIMARY KEY (id)
) STRICT;
CREATE INDEX replicas_seen_at_idx ON replicas (seen_at);
