-- The log by what few calls have in common: without an index of its own, a page of these is looked for among all calls.
-- Nearly all are completed, and few are looked at by guardrails: such indexes hold only the others, and cost a call next
-- to nothing. The conditions are those of the queries, word by word.
CREATE INDEX usage_events_outcome_at_idx ON usage_events (outcome, at, id) WHERE outcome <> 'completed';
CREATE INDEX usage_events_project_id_outcome_at_idx ON usage_events (project_id, outcome, at, id)
    WHERE outcome <> 'completed';
CREATE INDEX usage_events_endpoint_id_at_idx ON usage_events (endpoint_id, at, id) WHERE endpoint_id IS NOT NULL;
CREATE INDEX usage_events_provider_at_idx ON usage_events (provider, at, id) WHERE provider IS NOT NULL;
CREATE INDEX usage_events_guarded_at_idx ON usage_events (at, id) WHERE details -> 'guarded' IS NOT NULL;
CREATE INDEX usage_events_guard_outcome_at_idx ON usage_events ((details -> 'guarded' ->> 'outcome'), at, id)
    WHERE details -> 'guarded' IS NOT NULL;
