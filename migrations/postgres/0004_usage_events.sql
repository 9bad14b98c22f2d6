-- One row for each finished call. The ids have no foreign keys: history outlives what it names.
-- The numbers of tokens do not overlap; money is in nano-dollars.
CREATE TABLE usage_events (
    id                     UUID             NOT NULL,
    request_id             TEXT COLLATE "C" NOT NULL,
    at                     BIGINT           NOT NULL,
    project_id             UUID             NOT NULL,
    token_id               UUID             NOT NULL,
    owner_id               UUID,
    operation              TEXT COLLATE "C" NOT NULL,
    requested_model        TEXT COLLATE "C",
    provider_id            UUID,
    provider               TEXT COLLATE "C",
    model                  TEXT COLLATE "C",
    streamed               BOOLEAN          NOT NULL,
    input_tokens           BIGINT           NOT NULL,
    cache_read_tokens      BIGINT           NOT NULL,
    cache_write_5m_tokens  BIGINT           NOT NULL,
    cache_write_1h_tokens  BIGINT           NOT NULL,
    audio_input_tokens     BIGINT           NOT NULL,
    output_tokens          BIGINT           NOT NULL,
    reasoning_tokens       BIGINT           NOT NULL,
    audio_output_tokens    BIGINT           NOT NULL,
    estimated              BOOLEAN          NOT NULL,
    cost_nanos             BIGINT           NOT NULL,
    price_version          TEXT COLLATE "C" NOT NULL,
    price_basis            TEXT COLLATE "C" NOT NULL,
    latency_us             BIGINT           NOT NULL,
    time_to_first_byte_us  BIGINT,
    outcome                TEXT COLLATE "C" NOT NULL,
    status                 BIGINT           NOT NULL,
    error_code             TEXT COLLATE "C",
    attempts               BIGINT           NOT NULL,
    client_ip              TEXT COLLATE "C",
    revision               BIGINT           NOT NULL,
    trace                  JSONB            NOT NULL,
    CONSTRAINT usage_events_pkey PRIMARY KEY (id)
);

CREATE INDEX usage_events_at_idx ON usage_events (at, id);
CREATE INDEX usage_events_project_id_at_idx ON usage_events (project_id, at, id);
CREATE INDEX usage_events_token_id_at_idx ON usage_events (token_id, at, id);
CREATE INDEX usage_events_request_id_idx ON usage_events (request_id);
