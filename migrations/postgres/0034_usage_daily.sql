-- What the calls of a day took together that are not kept one by one any more: retention adds them up here when it
-- removes them, and what is here stays for ever. Dashboards count both. `at` is the midnight, in UTC, with which the
-- day begins. A key has no NULLs, so that it is one: what calls of nobody have in common is the id of zeros, and a
-- provider or model that is not known is blank.
CREATE TABLE usage_daily (
    at                    BIGINT           NOT NULL,
    owner_id              UUID             NOT NULL,
    project_id            UUID             NOT NULL,
    token_id              UUID             NOT NULL,
    provider              TEXT COLLATE "C" NOT NULL,
    provider_kind         TEXT COLLATE "C" NOT NULL,
    model                 TEXT COLLATE "C" NOT NULL,
    embeds                BOOLEAN          NOT NULL,
    calls                 BIGINT           NOT NULL,
    prompts               BIGINT           NOT NULL,
    tool_calls            BIGINT           NOT NULL,
    input_tokens          BIGINT           NOT NULL,
    cache_read_tokens     BIGINT           NOT NULL,
    cache_write_5m_tokens BIGINT           NOT NULL,
    cache_write_1h_tokens BIGINT           NOT NULL,
    audio_input_tokens    BIGINT           NOT NULL,
    output_tokens         BIGINT           NOT NULL,
    reasoning_tokens      BIGINT           NOT NULL,
    audio_output_tokens   BIGINT           NOT NULL,
    cost_nanos            BIGINT           NOT NULL,
    duration_ms           BIGINT           NOT NULL,
    CONSTRAINT usage_daily_pkey
        PRIMARY KEY (at, owner_id, project_id, token_id, provider, provider_kind, model, embeds)
);

CREATE INDEX usage_daily_owner_id_at_idx ON usage_daily (owner_id, at);
