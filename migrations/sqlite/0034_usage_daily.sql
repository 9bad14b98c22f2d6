-- What the calls of a day took together that are not kept one by one any more: retention adds them up here when it
-- removes them, and what is here stays for ever. Dashboards count both. `at` is the midnight, in UTC, with which the
-- day begins. A key has no NULLs, so that it is one: what calls of nobody have in common is the id of zeros, and a
-- provider or model that is not known is blank.
CREATE TABLE usage_daily (
    at                    INTEGER NOT NULL,
    owner_id              BLOB    NOT NULL,
    project_id            BLOB    NOT NULL,
    token_id              BLOB    NOT NULL,
    provider              TEXT    NOT NULL,
    provider_kind         TEXT    NOT NULL,
    model                 TEXT    NOT NULL,
    embeds                INTEGER NOT NULL,
    calls                 INTEGER NOT NULL,
    prompts               INTEGER NOT NULL,
    tool_calls            INTEGER NOT NULL,
    input_tokens          INTEGER NOT NULL,
    cache_read_tokens     INTEGER NOT NULL,
    cache_write_5m_tokens INTEGER NOT NULL,
    cache_write_1h_tokens INTEGER NOT NULL,
    audio_input_tokens    INTEGER NOT NULL,
    output_tokens         INTEGER NOT NULL,
    reasoning_tokens      INTEGER NOT NULL,
    audio_output_tokens   INTEGER NOT NULL,
    cost_nanos            INTEGER NOT NULL,
    duration_ms           INTEGER NOT NULL,
    CONSTRAINT usage_daily_pkey
        PRIMARY KEY (at, owner_id, project_id, token_id, provider, provider_kind, model, embeds)
) STRICT;

CREATE INDEX usage_daily_owner_id_at_idx ON usage_daily (owner_id, at);
