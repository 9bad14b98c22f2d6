-- Fills a PostgreSQL database with very many calls, for `promptgate-bench scale`: what it records through the store at ten
-- thousand a second is here in a fraction of the time. The sums are made from the calls, as migrations do.
--
--   psql -v rows=5000000 -v callers=200 -v people=40 -v endpoints=1000 -v project=UUID -v many=UUID \
--       -v me=UUID -v provider=UUID -f fill.sql DATABASE
--
-- The ids are those in `filled.json`, which `scale --directory DIR --rows 0` writes; its `rows` is to be set to the number.
-- The database must be otherwise without calls.
\set ON_ERROR_STOP on
\timing on
SET synchronous_commit = off;
SET maintenance_work_mem = '1GB';
SET work_mem = '256MB';

CREATE TEMPORARY TABLE left_out AS SELECT indexname, indexdef FROM pg_indexes
    WHERE tablename = 'usage_events' AND indexname <> 'usage_events_pkey';
SELECT format('DROP INDEX %I', indexname) FROM left_out \gexec

INSERT INTO usage_events (id, request_id, at, project_id, token_id, owner_id, endpoint_id, operation, requested_model,
    provider_id, provider, provider_kind, model, streamed, input_tokens, cache_read_tokens, cache_write_5m_tokens,
    cache_write_1h_tokens, audio_input_tokens, output_tokens, reasoning_tokens, audio_output_tokens, estimated, cost_nanos,
    price_version, price_basis, latency_us, outcome, status, attempts, client_ip, revision, trace, prompted, tool_calls,
    details, rolled_up)
SELECT CAST('018f4e6e00077000' || lpad(to_hex(n), 16, '0') AS UUID), 'req-' || n, at,
    CAST(CASE WHEN caller % 10 = 9 THEN :'many' ELSE :'project' END AS UUID),
    CAST('018f4e6e-0000-7000-8000-0001' || lpad(to_hex(caller), 8, '0') AS UUID),
    CAST(CASE WHEN caller % :people = 0 THEN :'me' ELSE '018f4e6e-0000-7000-8000-0002' || lpad(to_hex(caller % :people), 8, '0') END
        AS UUID),
    CASE WHEN caller % 10 = 9 THEN CAST('018f4e6e-0000-7000-8000-0003' || lpad(to_hex(caller % :endpoints), 8, '0') AS UUID) END,
    'chat_completions', 'bench:model-' || model, CAST(:'provider' AS UUID), CASE WHEN is_rare THEN 'bench-rare' ELSE 'bench' END,
    'echo', 'model-' || model, FALSE, 500 + chance % 700, 0, 0, 0, 0, 200, 0, 0, FALSE, 1500000, '', '', 800000,
    CASE WHEN is_rare THEN 'gateway_failed' WHEN is_refused THEN 'refused' ELSE 'completed' END,
    CASE WHEN is_rare THEN 500 WHEN is_refused THEN 429 ELSE 200 END, 1, '127.0.0.1', 1, '[]', TRUE, 0,
    CASE WHEN is_rare THEN jsonb '{"price_version": "", "price_basis": "exact", "attempts": 1, "revision": 1, "guarded": {"outcome": "noted", "micros": 0, "more": 0}}'
        ELSE jsonb '{"price_version": "", "price_basis": "exact", "attempts": 1, "revision": 1}' END, TRUE
FROM (
    SELECT n, chance, chance % :callers AS caller, (chance % :callers + (chance / 1000) % 3) % 8 AS model, n % 20000 = 10000 AS is_rare,
        (chance / 5000) % 20 = 0 AS is_refused,
        CAST(extract(epoch FROM now()) AS BIGINT) * 1000000 - (:rows - n) * (2592000000000 / :rows) AS at
    FROM (SELECT n, abs(CAST(hashint8(n) AS BIGINT)) AS chance FROM generate_series(1, :rows) n) drawn
) calls;

SELECT indexdef FROM left_out \gexec

INSERT INTO usage_quarters
SELECT at - at % 900000000 AS since, owner_id, project_id, token_id,
    COALESCE(endpoint_id, CAST('00000000-0000-0000-0000-000000000000' AS UUID)) AS endpoint, provider, provider_kind, model,
    FALSE, COUNT(*), COUNT(*), 0, SUM(input_tokens), 0, 0, 0, 0, SUM(output_tokens), 0, 0, SUM(input_tokens + output_tokens),
    SUM(cost_nanos), SUM(latency_us / 1000), 0, 0, 0, 0, 0, 0, 0
FROM usage_events GROUP BY since, owner_id, project_id, token_id, endpoint, provider, provider_kind, model;

SELECT string_agg(format('SUM(%I)', attname), ', ' ORDER BY attnum) AS sums FROM pg_attribute
    WHERE attrelid = 'usage_quarters'::regclass AND attnum > 9 \gset
INSERT INTO usage_token_days
    SELECT at - at % 86400000000 AS since, owner_id, project_id, token_id, endpoint_id, provider, provider_kind, model, embeds,
    :sums FROM usage_quarters
    GROUP BY since, owner_id, project_id, token_id, endpoint_id, provider, provider_kind, model, embeds;
INSERT INTO usage_days
    SELECT at - at % 86400000000 AS since, owner_id, project_id, endpoint_id, provider, provider_kind, model, embeds, :sums
    FROM usage_quarters GROUP BY since, owner_id, project_id, endpoint_id, provider, provider_kind, model, embeds;
INSERT INTO usage_hours
    SELECT at - at % 3600000000 AS since, project_id, endpoint_id, provider, provider_kind, model, embeds, :sums
    FROM usage_quarters GROUP BY since, project_id, endpoint_id, provider, provider_kind, model, embeds;
INSERT INTO call_contents (call_id, at, project_id, prompt, tool_calls, truncated)
    SELECT id, at, project_id, 'Hello', '[]', FALSE FROM usage_events ORDER BY at LIMIT 1;
VACUUM ANALYZE;
