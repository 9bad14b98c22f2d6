-- Calls that could not be recorded for what they say. They wait for a person; one that was discarded
-- stays, so that it is not tried again when its event comes once more.
CREATE TABLE dead_letters (
    id           BLOB    NOT NULL,
    event        TEXT    NOT NULL,
    error        TEXT    NOT NULL,
    attempts     INTEGER NOT NULL,
    first_at     INTEGER NOT NULL,
    last_at      INTEGER NOT NULL,
    discarded_at INTEGER,
    CONSTRAINT dead_letters_pkey PRIMARY KEY (id)
) STRICT;
CREATE INDEX dead_letters_waiting_idx ON dead_letters (last_at, id) WHERE discarded_at IS NULL;
