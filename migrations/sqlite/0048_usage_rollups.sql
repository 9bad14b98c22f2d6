-- What calls took together, kept for ever and never counted from the calls themselves: whoever records a call adds it
-- here in the same transaction, so that numbers are the same however many calls there are, and after they were removed.
-- A key has no NULLs, so that it is one: what is nobody's, or of no endpoint, has the id of zeros, and a provider or
-- model that is not known is blank. `tokens` are those of all classes; what is unpriced took tokens and cost
-- nothing because nobody knew a price, what is guessed was priced by the fallback.
--
-- By the quarter of an hour, in UTC, that a call arrived in: every time zone's days begin with one.
CREATE TABLE usage_quarters (
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
    CONSTRAINT usage_quarters_pkey
        PRIMARY KEY (at, owner_id, project_id, token_id, endpoint_id, provider, provider_kind, model, embeds)
) STRICT;

CREATE INDEX usage_quarters_owner_id_at_idx ON usage_quarters (owner_id, at);
CREATE INDEX usage_quarters_project_id_at_idx ON usage_quarters (project_id, at);
CREATE INDEX usage_quarters_token_id_at_idx ON usage_quarters (token_id, at);
CREATE INDEX usage_quarters_endpoint_id_at_idx ON usage_quarters (endpoint_id, at);

-- By the day, in UTC, and without tokens, of which there may be very many: what dashboards read.
CREATE TABLE usage_days (
    at                    INTEGER NOT NULL,
    owner_id              BLOB    NOT NULL,
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
    CONSTRAINT usage_days_pkey
        PRIMARY KEY (at, owner_id, project_id, endpoint_id, provider, provider_kind, model, embeds)
) STRICT;

CREATE INDEX usage_days_owner_id_at_idx ON usage_days (owner_id, at);
CREATE INDEX usage_days_project_id_at_idx ON usage_days (project_id, at);
CREATE INDEX usage_days_endpoint_id_at_idx ON usage_days (endpoint_id, at);

-- A process of the version before adds nothing there: what it records while this one runs already says so, and is
-- added later. This comes first, so that nothing is recorded between what is counted below and what is not.
ALTER TABLE usage_events ADD COLUMN rolled_up INTEGER NOT NULL DEFAULT 0;
UPDATE usage_events SET rolled_up = 1;
CREATE INDEX usage_events_rolled_up_at_idx ON usage_events (at, id) WHERE NOT rolled_up;

-- What was counted so far: the calls that are kept, and the days of those that are not, as if they had arrived at
-- midnight. Counts that upstreams made up are cut, so that no sum is too large.
INSERT INTO usage_quarters
    SELECT at, owner_id, project_id, token_id, endpoint_id, provider, provider_kind, model, embeds,
        SUM(calls), SUM(prompts), SUM(tool_calls), SUM(input_tokens), SUM(cache_read_tokens),
        SUM(cache_write_5m_tokens), SUM(cache_write_1h_tokens), SUM(audio_input_tokens), SUM(output_tokens),
        SUM(reasoning_tokens), SUM(audio_output_tokens), SUM(tokens), SUM(cost_nanos), SUM(duration_ms),
        SUM(cache_hits), SUM(cached_tokens), 0, SUM(CASE WHEN tokens > 0 AND cost_nanos = 0 THEN unknown ELSE 0 END),
        SUM(CASE WHEN cost_nanos = 0 THEN unknown * tokens ELSE 0 END),
        SUM(CASE WHEN tokens > 0 AND cost_nanos > 0 THEN unknown ELSE 0 END),
        SUM(CASE WHEN tokens > 0 THEN unknown * cost_nanos ELSE 0 END)
    FROM (SELECT counted.*, input_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens
        + audio_input_tokens + output_tokens + reasoning_tokens + audio_output_tokens AS tokens FROM (
        SELECT at - at % 900000000 AS at, COALESCE(owner_id, zeroblob(16)) AS owner_id, project_id, token_id,
            COALESCE(endpoint_id, zeroblob(16)) AS endpoint_id, COALESCE(provider, '') AS provider,
            COALESCE(provider_kind, '') AS provider_kind, COALESCE(model, '') AS model,
            CASE WHEN operation = 'embeddings' THEN 1 ELSE 0 END AS embeds, 1 AS calls,
            CASE WHEN prompted THEN 1 ELSE 0 END AS prompts, MIN(MAX(tool_calls, 0), 17592186044416) AS tool_calls,
            MIN(MAX(input_tokens, 0), 17592186044416) AS input_tokens,
            MIN(MAX(cache_read_tokens, 0), 17592186044416) AS cache_read_tokens,
            MIN(MAX(cache_write_5m_tokens, 0), 17592186044416) AS cache_write_5m_tokens,
            MIN(MAX(cache_write_1h_tokens, 0), 17592186044416) AS cache_write_1h_tokens,
            MIN(MAX(audio_input_tokens, 0), 17592186044416) AS audio_input_tokens,
            MIN(MAX(output_tokens, 0), 17592186044416) AS output_tokens,
            MIN(MAX(reasoning_tokens, 0), 17592186044416) AS reasoning_tokens,
            MIN(MAX(audio_output_tokens, 0), 17592186044416) AS audio_output_tokens,
            MIN(MAX(cost_nanos, 0), 17592186044416) AS cost_nanos,
            MIN(MAX(latency_us / 1000, 0), 17592186044416) AS duration_ms,
            CASE WHEN cache_hit THEN 1 ELSE 0 END AS cache_hits,
            MIN(MAX(cached_tokens, 0), 17592186044416) AS cached_tokens,
            CASE WHEN COALESCE(details ->> 'price_basis', price_basis) IN ('', 'none', 'fallback') AND NOT cache_hit
                THEN 1 ELSE 0 END AS unknown
        FROM usage_events
        UNION ALL
        SELECT at, owner_id, project_id, token_id, zeroblob(16), provider, provider_kind, model, embeds,
            MIN(calls, 1152921504606846976), MIN(prompts, 1152921504606846976), MIN(tool_calls, 1152921504606846976),
            MIN(input_tokens, 144115188075855872), MIN(cache_read_tokens, 144115188075855872),
            MIN(cache_write_5m_tokens, 144115188075855872), MIN(cache_write_1h_tokens, 144115188075855872),
            MIN(audio_input_tokens, 144115188075855872), MIN(output_tokens, 144115188075855872),
            MIN(reasoning_tokens, 144115188075855872), MIN(audio_output_tokens, 144115188075855872),
            MIN(cost_nanos, 1152921504606846976), MIN(duration_ms, 1152921504606846976), 0, 0, 0
        FROM usage_daily
    ) counted) whole
    GROUP BY at, owner_id, project_id, token_id, endpoint_id, provider, provider_kind, model, embeds;

INSERT INTO usage_days
    SELECT at - at % 86400000000 AS day, owner_id, project_id, endpoint_id, provider, provider_kind, model, embeds,
        SUM(calls), SUM(prompts), SUM(tool_calls), SUM(input_tokens), SUM(cache_read_tokens),
        SUM(cache_write_5m_tokens), SUM(cache_write_1h_tokens), SUM(audio_input_tokens), SUM(output_tokens),
        SUM(reasoning_tokens), SUM(audio_output_tokens), SUM(tokens), SUM(cost_nanos), SUM(duration_ms),
        SUM(cache_hits), SUM(cached_tokens), SUM(saved_nanos), SUM(unpriced_calls), SUM(unpriced_tokens),
        SUM(guessed_calls), SUM(guessed_nanos)
    FROM usage_quarters
    GROUP BY day, owner_id, project_id, endpoint_id, provider, provider_kind, model, embeds;

-- Processes of the version before still read and write this table until the last of them ends; what they write there
-- from now on is counted already. A later version drops it.
DELETE FROM usage_daily;
