-- What calls took together in other ways, so that no page reads more the more calls there are. Whoever records a call adds
-- it here in the same transaction, as in usage_quarters; what was counted so far is added up from there.
--
-- By the hour and without people, of whom there may be many: what costs by day are read from in time zones whose days
-- begin with another hour than those of UTC.
-- First, as whoever records does: what is recorded meanwhile would be in one sum and not in the other, and indexes are
-- made of the calls later on.
LOCK TABLE usage_events IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE usage_hours (
    at                    BIGINT            NOT NULL,
    project_id            UUID              NOT NULL,
    endpoint_id           UUID              NOT NULL,
    provider              TEXT COLLATE "C"  NOT NULL,
    provider_kind         TEXT COLLATE "C"  NOT NULL,
    model                 TEXT COLLATE "C"  NOT NULL,
    embeds                BOOLEAN           NOT NULL,
    calls                 BIGINT            NOT NULL,
    prompts               BIGINT            NOT NULL,
    tool_calls            BIGINT            NOT NULL,
    input_tokens          BIGINT            NOT NULL,
    cache_read_tokens     BIGINT            NOT NULL,
    cache_write_5m_tokens BIGINT            NOT NULL,
    cache_write_1h_tokens BIGINT            NOT NULL,
    audio_input_tokens    BIGINT            NOT NULL,
    output_tokens         BIGINT            NOT NULL,
    reasoning_tokens      BIGINT            NOT NULL,
    audio_output_tokens   BIGINT            NOT NULL,
    tokens                BIGINT            NOT NULL,
    cost_nanos            BIGINT            NOT NULL,
    duration_ms           BIGINT            NOT NULL,
    cache_hits            BIGINT            NOT NULL,
    cached_tokens         BIGINT            NOT NULL,
    saved_nanos           BIGINT            NOT NULL,
    unpriced_calls        BIGINT            NOT NULL,
    unpriced_tokens       BIGINT            NOT NULL,
    guessed_calls         BIGINT            NOT NULL,
    guessed_nanos         BIGINT            NOT NULL,
    CONSTRAINT usage_hours_pkey
        PRIMARY KEY (at, project_id, endpoint_id, provider, provider_kind, model, embeds)
) WITH (fillfactor = 70);

CREATE INDEX usage_hours_project_id_at_idx ON usage_hours (project_id, at);
CREATE INDEX usage_hours_endpoint_id_at_idx ON usage_hours (endpoint_id, at);

-- By the day, in UTC, with tokens: which of them cost the most.
CREATE TABLE usage_token_days (
    at                    BIGINT            NOT NULL,
    owner_id              UUID              NOT NULL,
    project_id            UUID              NOT NULL,
    token_id              UUID              NOT NULL,
    endpoint_id           UUID              NOT NULL,
    provider              TEXT COLLATE "C"  NOT NULL,
    provider_kind         TEXT COLLATE "C"  NOT NULL,
    model                 TEXT COLLATE "C"  NOT NULL,
    embeds                BOOLEAN           NOT NULL,
    calls                 BIGINT            NOT NULL,
    prompts               BIGINT            NOT NULL,
    tool_calls            BIGINT            NOT NULL,
    input_tokens          BIGINT            NOT NULL,
    cache_read_tokens     BIGINT            NOT NULL,
    cache_write_5m_tokens BIGINT            NOT NULL,
    cache_write_1h_tokens BIGINT            NOT NULL,
    audio_input_tokens    BIGINT            NOT NULL,
    output_tokens         BIGINT            NOT NULL,
    reasoning_tokens      BIGINT            NOT NULL,
    audio_output_tokens   BIGINT            NOT NULL,
    tokens                BIGINT            NOT NULL,
    cost_nanos            BIGINT            NOT NULL,
    duration_ms           BIGINT            NOT NULL,
    cache_hits            BIGINT            NOT NULL,
    cached_tokens         BIGINT            NOT NULL,
    saved_nanos           BIGINT            NOT NULL,
    unpriced_calls        BIGINT            NOT NULL,
    unpriced_tokens       BIGINT            NOT NULL,
    guessed_calls         BIGINT            NOT NULL,
    guessed_nanos         BIGINT            NOT NULL,
    CONSTRAINT usage_token_days_pkey
        PRIMARY KEY (at, owner_id, project_id, token_id, endpoint_id, provider, provider_kind, model, embeds)
) WITH (fillfactor = 70);

CREATE INDEX usage_token_days_owner_id_at_idx ON usage_token_days (owner_id, at);
CREATE INDEX usage_token_days_project_id_at_idx ON usage_token_days (project_id, at);
CREATE INDEX usage_token_days_token_id_at_idx ON usage_token_days (token_id, at);
CREATE INDEX usage_token_days_endpoint_id_at_idx ON usage_token_days (endpoint_id, at);

INSERT INTO usage_hours
    SELECT at - at % 3600000000 AS since, project_id, endpoint_id, provider, provider_kind, model, embeds,
        CAST(LEAST(SUM(calls), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(prompts), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(tool_calls), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(input_tokens), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(cache_read_tokens), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(cache_write_5m_tokens), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(cache_write_1h_tokens), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(audio_input_tokens), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(output_tokens), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(reasoning_tokens), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(audio_output_tokens), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(tokens), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(cost_nanos), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(duration_ms), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(cache_hits), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(cached_tokens), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(saved_nanos), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(unpriced_calls), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(unpriced_tokens), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(guessed_calls), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(guessed_nanos), 9223372036854775807) AS BIGINT)
    FROM usage_quarters
    GROUP BY since, project_id, endpoint_id, provider, provider_kind, model, embeds;

INSERT INTO usage_token_days
    SELECT at - at % 86400000000 AS since, owner_id, project_id, token_id, endpoint_id, provider, provider_kind, model, embeds,
        CAST(LEAST(SUM(calls), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(prompts), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(tool_calls), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(input_tokens), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(cache_read_tokens), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(cache_write_5m_tokens), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(cache_write_1h_tokens), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(audio_input_tokens), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(output_tokens), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(reasoning_tokens), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(audio_output_tokens), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(tokens), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(cost_nanos), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(duration_ms), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(cache_hits), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(cached_tokens), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(saved_nanos), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(unpriced_calls), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(unpriced_tokens), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(guessed_calls), 9223372036854775807) AS BIGINT),
        CAST(LEAST(SUM(guessed_nanos), 9223372036854775807) AS BIGINT)
    FROM usage_quarters
    GROUP BY since, owner_id, project_id, token_id, endpoint_id, provider, provider_kind, model, embeds;
