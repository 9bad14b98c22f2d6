-- Processes that run, as they last said of themselves.
CREATE TABLE replicas (
    id            UUID             NOT NULL,
    kind          TEXT COLLATE "C" NOT NULL,
    version       TEXT COLLATE "C" NOT NULL,
    host          TEXT COLLATE "C" NOT NULL,
    address       TEXT COLLATE "C" NOT NULL,
    process       BIGINT           NOT NULL,
    answers_calls BOOLEAN          NOT NULL,
    started_at    BIGINT           NOT NULL,
    seen_at       BIGINT           NOT NULL,
    -- What it works from; nothing for a process that works from no configuration.
    revision      BIGINT,
    CONSTRAINT replicas_pkey PRIMARY KEY (id)
);
CREATE INDEX replicas_seen_at_idx ON replicas (seen_at);
