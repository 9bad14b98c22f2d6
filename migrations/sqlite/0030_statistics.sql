-- What dashboards count besides tokens: the kind of provider, and what was said, which is kept for a
-- shorter time than the row. What is still known of rows from before is filled in.
ALTER TABLE usage_events ADD COLUMN provider_kind TEXT;
ALTER TABLE usage_events ADD COLUMN prompted      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_events ADD COLUMN tool_calls    INTEGER NOT NULL DEFAULT 0;

UPDATE usage_events SET provider_kind =
    (SELECT kind FROM providers WHERE providers.id = usage_events.provider_id)
    WHERE provider_id IS NOT NULL;
UPDATE usage_events SET prompted = 1 WHERE id IN
    (SELECT call_id FROM call_contents WHERE prompt IS NOT NULL OR prompt_start IS NOT NULL);
UPDATE usage_events SET tool_calls =
    (SELECT json_array_length(said.tool_calls) FROM call_contents said WHERE said.call_id = usage_events.id)
    WHERE id IN (SELECT call_id FROM call_contents WHERE call_contents.tool_calls <> '[]');
