-- What calls took together in other ways, so that no page reads more the more calls there are. Whoever records a call adds
-- it here in the same transaction, as in usage_quarters; what was counted so far is added up from there.
--
-- By the hour and without people, of whom there may be many: what costs by day are read from in time zones whose days
-- begin with another hour than those of UTC.
CREATE TABLE usage_hours (
    at                    INTEGER NOT NULL,
    project_id            BLOB    NOT NULL,
    endpoint_id           BLOB    NOT NULL,
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
    tokens                INTEGER NOT NULL,
    cost_nanos            INTEGER NOT NULL,
    duration_ms           INTEGER NOT NULL,
    cache_hits            INTEGER NOT NULL,
    cached_tokens         INTEGER NOT NULL,
    saved_nanos           INTEGER NOT NULL,
    unpriced_calls        INTEGER NOT NULL,
    unpriced_tokens       INTEGER NOT NULL,
    guessed_calls         INTEGER NOT NULL,
    guessed_nanos         INTEGER NOT NULL,
    CONSTRAINT usage_hours_pkey
        PRIMARY KEY (at, project_id, endpoint_id, provider, provider_kind, model, embeds)
) STRICT;

CREATE INDEX usage_hours_project_id_at_idx ON usage_hours (project_id, at);
CREATE INDEX usage_hours_endpoint_id_at_idx ON usage_hours (endpoint_id, at);

-- By the day, in UTC, with tokens: which of them cost the most.
CREATE TABLE usage_token_days (
    at                    INTEGER NOT NULL,
    owner_id              BLOB    NOT NULL,
    project_id            BLOB    NOT NULL,
    token_id              BLOB    NOT NULL,
    endpoint_id           BLOB    NOT NULL,
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
    tokens                INTEGER NOT NULL,
    cost_nanos            INTEGER NOT NULL,
    duration_ms           INTEGER NOT NULL,
    cache_hits            INTEGER NOT NULL,
    cached_tokens         INTEGER NOT NULL,
    saved_nanos           INTEGER NOT NULL,
    unpriced_calls        INTEGER NOT NULL,
    unpriced_tokens       INTEGER NOT NULL,
    guessed_calls         INTEGER NOT NULL,
    guessed_nanos         INTEGER NOT NULL,
    CONSTRAINT usage_token_days_pkey
        PRIMARY KEY (at, owner_id, project_id, token_id, endpoint_id, provider, provider_kind, model, embeds)
) STRICT;

CREATE INDEX usage_token_days_owner_id_at_idx ON usage_token_days (owner_id, at);
CREATE INDEX usage_token_days_project_id_at_idx ON usage_token_days (project_id, at);
CREATE INDEX usage_token_days_token_id_at_idx ON usage_token_days (token_id, at);
CREATE INDEX usage_token_days_endpoint_id_at_idx ON usage_token_days (endpoint_id, at);

INSERT INTO usage_hours
    SELECT at - at % 3600000000 AS since, project_id, endpoint_id, provider, provider_kind, model, embeds,
        SUM(MIN(calls, 1125899906842624)), SUM(MIN(prompts, 1125899906842624)),
        SUM(MIN(tool_calls, 1125899906842624)), SUM(MIN(input_tokens, 1125899906842624)),
        SUM(MIN(cache_read_tokens, 1125899906842624)), SUM(MIN(cache_write_5m_tokens, 1125899906842624)),
        SUM(MIN(cache_write_1h_tokens, 1125899906842624)), SUM(MIN(audio_input_tokens, 1125899906842624)),
        SUM(MIN(output_tokens, 1125899906842624)), SUM(MIN(reasoning_tokens, 1125899906842624)),
        SUM(MIN(audio_output_tokens, 1125899906842624)), SUM(MIN(tokens, 1125899906842624)),
        SUM(MIN(cost_nanos, 1125899906842624)), SUM(MIN(duration_ms, 1125899906842624)),
        SUM(MIN(cache_hits, 1125899906842624)), SUM(MIN(cached_tokens, 1125899906842624)),
        SUM(MIN(saved_nanos, 1125899906842624)), SUM(MIN(unpriced_calls, 1125899906842624)),
        SUM(MIN(unpriced_tokens, 1125899906842624)), SUM(MIN(guessed_calls, 1125899906842624)),
        SUM(MIN(guessed_nanos, 1125899906842624))
    FROM usage_quarters
    GROUP BY since, project_id, endpoint_id, provider, provider_kind, model, embeds;

INSERT INTO usage_token_days
    SELECT at - at % 86400000000 AS since, owner_id, project_id, token_id, endpoint_id, provider, provider_kind, model, embeds,
        SUM(MIN(calls, 1125899906842624)), SUM(MIN(prompts, 1125899906842624)),
        SUM(MIN(tool_calls, 1125899906842624)), SUM(MIN(input_tokens, 1125899906842624)),
        SUM(MIN(cache_read_tokens, 1125899906842624)), SUM(MIN(cache_write_5m_tokens, 1125899906842624)),
        SUM(MIN(cache_write_1h_tokens, 1125899906842624)), SUM(MIN(audio_input_tokens, 1125899906842624)),
        SUM(MIN(output_tokens, 1125899906842624)), SUM(MIN(reasoning_tokens, 1125899906842624)),
        SUM(MIN(audio_output_tokens, 1125899906842624)), SUM(MIN(tokens, 1125899906842624)),
        SUM(MIN(cost_nanos, 1125899906842624)), SUM(MIN(duration_ms, 1125899906842624)),
        SUM(MIN(cache_hits, 1125899906842624)), SUM(MIN(cached_tokens, 1125899906842624)),
        SUM(MIN(saved_nanos, 1125899906842624)), SUM(MIN(unpriced_calls, 1125899906842624)),
        SUM(MIN(unpriced_tokens, 1125899906842624)), SUM(MIN(guessed_calls, 1125899906842624)),
        SUM(MIN(guessed_nanos, 1125899906842624))
    FROM usage_quarters
    GROUP BY since, owner_id, project_id, token_id, endpoint_id, provider, provider_kind, model, embeds;
