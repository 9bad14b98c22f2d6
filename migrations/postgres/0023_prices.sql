-- What models cost, in nano-dollars per million tokens. The row without a provider is the price of
-- every model that has none.
CREATE TABLE prices (
    id            UUID             NOT NULL,
    provider_name TEXT COLLATE "C",
    model         TEXT COLLATE "C",
    input         BIGINT           NOT NULL,
    output        BIGINT           NOT NULL,
    cache_read    BIGINT,
    cache_write   BIGINT,
    embedding     BIGINT,
    created_at    BIGINT           NOT NULL,
    updated_at    BIGINT           NOT NULL,
    version       BIGINT           NOT NULL,
    CONSTRAINT prices_pkey PRIMARY KEY (id),
    CONSTRAINT prices_provider_name_model_key UNIQUE (provider_name, model)
);

-- The estimate that comes with the program, of the day of its price table.
INSERT INTO prices (id, input, output, created_at, updated_at, version)
VALUES ('00000000-0000-0000-0000-000000000001', 5000000000, 30000000000, 1759190400000000, 1759190400000000, 1);
