-- What models cost, in nano-dollars per million tokens. The row without a provider is the price of
-- every model that has none.
CREATE TABLE prices (
    id            BLOB    NOT NULL,
    provider_name TEXT,
    model         TEXT,
    input         INTEGER NOT NULL,
    output        INTEGER NOT NULL,
    cache_read    INTEGER,
    cache_write   INTEGER,
    embedding     INTEGER,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    CONSTRAINT prices_pkey PRIMARY KEY (id),
    CONSTRAINT prices_provider_name_model_key UNIQUE (provider_name, model)
) STRICT;

-- The estimate that comes with the program, of the day of its price table.
INSERT INTO prices (id, input, output, created_at, updated_at, version)
VALUES (X'00000000000000000000000000000001', 5000000000, 30000000000, 1759190400000000, 1759190400000000, 1);
