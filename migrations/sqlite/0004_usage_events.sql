-- One row for each finished call. The ids have no foreign keys: history outlives what it names.
-- The numbers of tokens do not overlap; money is in nano-dollars.
CREATE TABLE usage_events (
    id                     BLOB    NOT NULL,
    request_id             TEXT    NOT NULL,
    at                     INTEGER NOT NULL,
    project_id             BLOB    NOT NULL,
    token_id               BLOB    NOT NULL,
    owner_id               BLOB,
    operation              TEXT    NOT NULL,
    requested_model        TEXT,
    provider_id            BLOB,
    provider               TEXT,
    model                  TEXT,
    streamed               INTEGER NOT NULL,
    input_tokens           INTEGER NOT NULL,
    cache_read_tokens      INTEGER NOT NULL,
    cache_write_5m_tokens  INTEGER NOT NULL,
    cache_write_1h_tokens  INTEGER NOT NULL,
    audio_input_tokens     INTEGER NOT NULL,
    output_tokens          INTEGER NOT NULL,
    reasoning_tokens       INTEGER NOT NULL,
    audio_output_tokens    INTEGER NOT NULL,
    estimated              INTEGER NOT NULL,
    cost_nanos             INTEGER NOT NULL,
    price_version          TEXT    NOT NULL,
    price_basis            TEXT    NOT NULL,
    latency_us             INTEGER NOT NULL,
    time_to_first_byte_us  INTEGER,
    outcome                TEXT    NOT NULL,
    status                 INTEGER NOT NULL,
    error_code             TEXT,
    attempts               INTEGER NOT NULL,
    client_ip              TEXT,
    revision               INTEGER NOT NULL,
    trace                  TEXT    NOT NULL,
    CONSTRAINT usage_events_pkey PRIMARY KEY (id)
) STRICT;

CREATE INDEX usage_events_at_idx ON usage_events (at, id);
CREATE INDEX usage_events_project_id_at_idx ON usage_events (project_id, at, id);
CREATE INDEX usage_events_token_id_at_idx ON usage_events (token_id, at, id);
CREATE INDEX usage_events_request_id_idx ON usage_events (request_id);
