-- What calls took together, kept for ever and never counted from the calls themselves: whoever records a call adds it
-- here in the same transaction, so that numbers are the same however many calls there are, and after they were removed.
-- A key has no NULLs, so that it is one: what is nobody's, or of no endpoint, has the id of zeros, and a provider or
-- model that is not known is blank. `tokens` are those of all classes; what is unpriced took tokens and cost
-- nothing because nobody knew a price, what is guessed was priced by the fallback.
--
-- By the quarter of an hour, in UTC, that a call arrived in: every time zone's days begin with one.
CREATE TABLE usage_quarters (
    at                    BIGINT            NOT NULL,
    owner_id              UUID              NOT NULL,
    project_id            UUID              NOT NULL,
    token_id              UUID              NOT NULL,
    endpoint_id           UUID              NOT NULL,
    provider              TEXT COLLATE "C" NOT NULL,
    provider_kind         TEXT COLLATE "C" NOT NULL,
    model                 TEXT COLLATE "C" NOT NULL,
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
    CONSTRAINT usage_quarters_pkey
        PRIMARY KEY (at, owner_id, project_id, token_id, endpoint_id, provider, provider_kind, model, embeds)
) WITH (fillfactor = 85);

CREATE INDEX usage_quarters_owner_id_at_idx ON usage_quarters (owner_id, at);
CREATE INDEX usage_quarters_project_id_at_idx ON usage_quarters (project_id, at);
CREATE INDEX usage_quarters_token_id_at_idx ON usage_quarters (token_id, at);
CREATE INDEX usage_quarters_endpoint_id_at_idx ON usage_quarters (endpoint_id, at);

-- By the day, in UTC, and without tokens, of which there may be very many: what dashboards read.
CREATE TABLE usage_days (
    at                    BIGINT            NOT NULL,
    owner_id              UUID              NOT NULL,
    project_id            UUID              NOT NULL,
    endpoint_id           UUID              NOT NULL,
    provider              TEXT COLLATE "C" NOT NULL,
    provider_kind         TEXT COLLATE "C" NOT NULL,
    model                 TEXT COLLATE "C" NOT NULL,
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
    CONSTRAINT usage_days_pkey
        PRIMARY KEY (at, owner_id, project_id, endpoint_id, provider, provider_kind, model, embeds)
) WITH (fillfactor = 85);

CREATE INDEX usage_days_owner_id_at_idx ON usage_days (owner_id, at);
CREATE INDEX usage_days_project_id_at_idx ON usage_days (project_id, at);
CREATE INDEX usage_days_endpoint_id_at_idx ON usage_days (endpoint_id, at);

-- A process of the version before adds nothing there: what it records while this one runs already says so, and is
-- added later. This comes first, so that nothing is recorded between what is counted below and what is not.
ALTER TABLE usage_events ADD COLUMN rolled_up BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE usage_events ALTER COLUMN rolled_up SET DEFAULT FALSE;
CREATE INDEX usage_events_rolled_up_at_idx ON usage_events (at, id) WHERE NOT rolled_up;

-- What was counted so far: the calls that are kept, and the days of those that are not, as if they had arrived at
-- midnight. Counts that upstreams made up are cut, so that no sum is too large.
INSERT INTO usage_quarters
    SELECT at, owner_id, project_id, token_id, endpoint_id, provider, provider_kind, model, embeds,
        CAST(SUM(calls) AS BIGINT), CAST(SUM(prompts) AS BIGINT), CAST(SUM(tool_calls) AS BIGINT),
        CAST(SUM(input_tokens) AS BIGINT), CAST(SUM(cache_read_tokens) AS BIGINT),
        CAST(SUM(cache_write_5m_tokens) AS BIGINT), CAST(SUM(cache_write_1h_tokens) AS BIGINT),
        CAST(SUM(audio_input_tokens) AS BIGINT), CAST(SUM(output_tokens) AS BIGINT),
        CAST(SUM(reasoning_tokens) AS BIGINT), CAST(SUM(audio_output_tokens) AS BIGINT), CAST(SUM(tokens) AS BIGINT),
        CAST(SUM(cost_nanos) AS BIGINT), CAST(SUM(duration_ms) AS BIGINT), CAST(SUM(cache_hits) AS BIGINT),
        CAST(SUM(cached_tokens) AS BIGINT), 0,
        CAST(SUM(CASE WHEN tokens > 0 AND cost_nanos = 0 THEN unknown ELSE 0 END) AS BIGINT),
        CAST(SUM(CASE WHEN cost_nanos = 0 THEN unknown * tokens ELSE 0 END) AS BIGINT),
        CAST(SUM(CASE WHEN tokens > 0 AND cost_nanos > 0 THEN unknown ELSE 0 END) AS BIGINT),
        CAST(SUM(CASE WHEN tokens > 0 THEN unknown * cost_nanos ELSE 0 END) AS BIGINT)
    FROM (SELECT counted.*, input_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens
        + audio_input_tokens + output_tokens + reasoning_tokens + audio_output_tokens AS tokens FROM (
        SELECT at - at % 900000000 AS at, COALESCE(owner_id, '00000000-0000-0000-0000-000000000000') AS owner_id,
            project_id, token_id, COALESCE(endpoint_id, '00000000-0000-0000-0000-000000000000') AS endpoint_id,
            COALESCE(provider, '') AS provider, COALESCE(provider_kind, '') AS provider_kind,
            COALESCE(model, '') AS model, operation = 'embeddings' AS embeds, 1 AS calls,
            CASE WHEN prompted THEN 1 ELSE 0 END AS prompts,
            LEAST(GREATEST(tool_calls, 0), 17592186044416) AS tool_calls,
            LEAST(GREATEST(input_tokens, 0), 17592186044416) AS input_tokens,
            LEAST(GREATEST(cache_read_tokens, 0), 17592186044416) AS cache_read_tokens,
            LEAST(GREATEST(cache_write_5m_tokens, 0), 17592186044416) AS cache_write_5m_tokens,
            LEAST(GREATEST(cache_write_1h_tokens, 0), 17592186044416) AS cache_write_1h_tokens,
            LEAST(GREATEST(audio_input_tokens, 0), 17592186044416) AS audio_input_tokens,
            LEAST(GREATEST(output_tokens, 0), 17592186044416) AS output_tokens,
            LEAST(GREATEST(reasoning_tokens, 0), 17592186044416) AS reasoning_tokens,
            LEAST(GREATEST(audio_output_tokens, 0), 17592186044416) AS audio_output_tokens,
            LEAST(GREATEST(cost_nanos, 0), 17592186044416) AS cost_nanos,
            LEAST(GREATEST(latency_us / 1000, 0), 17592186044416) AS duration_ms,
            CASE WHEN cache_hit THEN 1 ELSE 0 END AS cache_hits,
            LEAST(GREATEST(cached_tokens, 0), 17592186044416) AS cached_tokens,
            CASE WHEN COALESCE(details ->> 'price_basis', price_basis) IN ('', 'none', 'fallback') AND NOT cache_hit
                THEN 1 ELSE 0 END AS unknown
        FROM usage_events
        UNION ALL
        SELECT at, owner_id, project_id, token_id, CAST('00000000-0000-0000-0000-000000000000' AS UUID), provider,
            provider_kind, model, embeds, LEAST(calls, 1152921504606846976), LEAST(prompts, 1152921504606846976),
            LEAST(tool_calls, 1152921504606846976), LEAST(input_tokens, 144115188075855872),
            LEAST(cache_read_tokens, 144115188075855872), LEAST(cache_write_5m_tokens, 144115188075855872),
            LEAST(cache_write_1h_tokens, 144115188075855872), LEAST(audio_input_tokens, 144115188075855872),
            LEAST(output_tokens, 144115188075855872), LEAST(reasoning_tokens, 144115188075855872),
            LEAST(audio_output_tokens, 144115188075855872), LEAST(cost_nanos, 1152921504606846976),
            LEAST(duration_ms, 1152921504606846976), 0, 0, 0
        FROM usage_daily
    ) counted) whole
    GROUP BY at, owner_id, project_id, token_id, endpoint_id, provider, provider_kind, model, embeds;

INSERT INTO usage_days
    SELECT at - at % 86400000000 AS day, owner_id, project_id, endpoint_id, provider, provider_kind, model, embeds,
        CAST(SUM(calls) AS BIGINT), CAST(SUM(prompts) AS BIGINT), CAST(SUM(tool_calls) AS BIGINT),
        CAST(SUM(input_tokens) AS BIGINT), CAST(SUM(cache_read_tokens) AS BIGINT),
        CAST(SUM(cache_write_5m_tokens) AS BIGINT), CAST(SUM(cache_write_1h_tokens) AS BIGINT),
        CAST(SUM(audio_input_tokens) AS BIGINT), CAST(SUM(output_tokens) AS BIGINT),
        CAST(SUM(reasoning_tokens) AS BIGINT), CAST(SUM(audio_output_tokens) AS BIGINT), CAST(SUM(tokens) AS BIGINT),
        CAST(SUM(cost_nanos) AS BIGINT), CAST(SUM(duration_ms) AS BIGINT), CAST(SUM(cache_hits) AS BIGINT),
        CAST(SUM(cached_tokens) AS BIGINT), CAST(SUM(saved_nanos) AS BIGINT), CAST(SUM(unpriced_calls) AS BIGINT),
        CAST(SUM(unpriced_tokens) AS BIGINT), CAST(SUM(guessed_calls) AS BIGINT), CAST(SUM(guessed_nanos) AS BIGINT)
    FROM usage_quarters
    GROUP BY day, owner_id, project_id, endpoint_id, provider, provider_kind, model, embeds;

-- Processes of the version before still read and write this table until the last of them ends; what they write there
-- from now on is counted already. A later version drops it.
DELETE FROM usage_daily;
