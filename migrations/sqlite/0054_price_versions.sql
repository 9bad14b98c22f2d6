-- Prices of more classes of tokens.
ALTER TABLE prices ADD COLUMN cache_write_1h INTEGER;
ALTER TABLE prices ADD COLUMN audio_input INTEGER;
ALTER TABLE prices ADD COLUMN audio_output INTEGER;
ALTER TABLE prices ADD COLUMN reasoning INTEGER;

-- What vendors publish: the price of a model of every provider of a kind.
CREATE TABLE list_prices (
    id             BLOB NOT NULL,
    kind           TEXT NOT NULL,
    model          TEXT NOT NULL,
    input          INTEGER NOT NULL,
    output         INTEGER NOT NULL,
    cache_read     INTEGER,
    cache_write    INTEGER,
    cache_write_1h INTEGER,
    audio_input    INTEGER,
    audio_output   INTEGER,
    reasoning      INTEGER,
    embedding      INTEGER,
    origin         TEXT NOT NULL,
    edition        TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    version        INTEGER NOT NULL,
    CONSTRAINT list_prices_pkey PRIMARY KEY (id),
    CONSTRAINT list_prices_kind_model_key UNIQUE (kind, model)
) STRICT;

-- Every price as it was from an instant on, for ever: calls name the version that they were priced by. One
-- without rates is the end of its price; one without a model is the fallback.
CREATE TABLE price_versions (
    price_id       BLOB NOT NULL,
    version        INTEGER NOT NULL,
    provider_name  TEXT,
    kind           TEXT,
    model          TEXT,
    input          INTEGER,
    output         INTEGER,
    cache_read     INTEGER,
    cache_write    INTEGER,
    cache_write_1h INTEGER,
    audio_input    INTEGER,
    audio_output   INTEGER,
    reasoning      INTEGER,
    embedding      INTEGER,
    origin         TEXT NOT NULL,
    edition        TEXT NOT NULL,
    from_at        INTEGER NOT NULL,
    CONSTRAINT price_versions_pkey PRIMARY KEY (price_id, version)
) STRICT;

CREATE INDEX price_versions_from_at_idx ON price_versions (from_at);
CREATE INDEX price_versions_model_from_at_idx ON price_versions (model, from_at);

INSERT INTO price_versions (price_id, version, provider_name, model, input, output, cache_read, cache_write,
    embedding, origin, edition, from_at)
SELECT id, version, provider_name, model, input, output, cache_read, cache_write, embedding, 'manual', '',
    updated_at FROM prices;

-- What became of looking for newer prices.
CREATE TABLE price_refreshes (
    id          BLOB NOT NULL,
    source      TEXT NOT NULL,
    status      TEXT NOT NULL,
    seen        INTEGER NOT NULL,
    added       INTEGER NOT NULL,
    updated     INTEGER NOT NULL,
    skipped     INTEGER NOT NULL,
    error       TEXT,
    etag        TEXT,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER NOT NULL,
    program     TEXT NOT NULL,
    CONSTRAINT price_refreshes_pkey PRIMARY KEY (id)
) STRICT;

CREATE INDEX price_refreshes_finished_at_idx ON price_refreshes (finished_at);
