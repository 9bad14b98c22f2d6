-- Projects and endpoints are added up from hours now. Each of these cost something with every row. Last of all, so that
-- nobody waits for the indexes that are made before.
DROP INDEX usage_quarters_project_id_at_idx;
DROP INDEX usage_quarters_endpoint_id_at_idx;
