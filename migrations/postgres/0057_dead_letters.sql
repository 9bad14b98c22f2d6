-- Calls that could not be recorded for what they say. They wait for a person; one that was discarded
-- stays, so that it is not tried again when its event comes once more.
CREATE TABLE dead_letters (
    id           UUID   NOT NULL,
    event        TEXT   NOT NULL,
    error        TEXT   NOT NULL,
    attempts     BIGINT NOT NULL,
    first_at     BIGINT NOT NULL,
    last_at      BIGINT NOT NULL,
    discarded_at BIGINT,
    CONSTRAINT dead_letters_pkey PRIMARY KEY (id)
);
CREATE INDEX dead_letters_waiting_idx ON dead_letters (last_at, id) WHERE discarded_at IS NULL;
