-- Prices of more classes of tokens.
ALTER TABLE prices ADD COLUMN cache_write_1h BIGINT;
ALTER TABLE prices ADD COLUMN audio_input BIGINT;
ALTER TABLE prices ADD COLUMN audio_output BIGINT;
ALTER TABLE prices ADD COLUMN reasoning BIGINT;

-- What vendors publish: the price of a model of every provider of a kind.
CREATE TABLE list_prices (
    id             UUID NOT NULL,
    kind           TEXT COLLATE "C" NOT NULL,
    model          TEXT COLLATE "C" NOT NULL,
    input          BIGINT NOT NULL,
    output         BIGINT NOT NULL,
    cache_read     BIGINT,
    cache_write    BIGINT,
    cache_write_1h BIGINT,
    audio_input    BIGINT,
    audio_output   BIGINT,
    reasoning      BIGINT,
    embedding      BIGINT,
    origin         TEXT NOT NULL,
    edition        TEXT NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    version        BIGINT NOT NULL,
    CONSTRAINT list_prices_pkey PRIMARY KEY (id),
    CONSTRAINT list_prices_kind_model_key UNIQUE (kind, model)
);

-- Every price as it was from an instant on, for ever: calls name the version that they were priced by. One
-- without rates is the end of its price; one without a model is the fallback.
CREATE TABLE price_versions (
    price_id       UUID NOT NULL,
    version        BIGINT NOT NULL,
    provider_name  TEXT COLLATE "C",
    kind           TEXT COLLATE "C",
    model          TEXT COLLATE "C",
    input          BIGINT,
    output         BIGINT,
    cache_read     BIGINT,
    cache_write    BIGINT,
    cache_write_1h BIGINT,
    audio_input    BIGINT,
    audio_output   BIGINT,
    reasoning      BIGINT,
    embedding      BIGINT,
    origin         TEXT NOT NULL,
    edition        TEXT NOT NULL,
    from_at        BIGINT NOT NULL,
    CONSTRAINT price_versions_pkey PRIMARY KEY (price_id, version)
);

CREATE INDEX price_versions_from_at_idx ON price_versions (from_at);
CREATE INDEX price_versions_model_from_at_idx ON price_versions (model, from_at);

INSERT INTO price_versions (price_id, version, provider_name, model, input, output, cache_read, cache_write,
    embedding, origin, edition, from_at)
SELECT id, version, provider_name, model, input, output, cache_read, cache_write, embedding, 'manual', '',
    updated_at FROM prices;

-- What became of looking for newer prices.
CREATE TABLE price_refreshes (
    id          UUID NOT NULL,
    source      TEXT NOT NULL,
    status      TEXT NOT NULL,
    seen        BIGINT NOT NULL,
    added       BIGINT NOT NULL,
    updated     BIGINT NOT NULL,
    skipped     BIGINT NOT NULL,
    error       TEXT,
    etag        TEXT,
    started_at  BIGINT NOT NULL,
    finished_at BIGINT NOT NULL,
    program     TEXT NOT NULL,
    CONSTRAINT price_refreshes_pkey PRIMARY KEY (id)
);

CREATE INDEX price_refreshes_finished_at_idx ON price_refreshes (finished_at);
