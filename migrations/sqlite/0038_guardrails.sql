-- What guardrails of the whole installation, of projects and of tokens say; those of AI endpoints are
-- part of the endpoint.
CREATE TABLE guardrails (
    level TEXT NOT NULL,
    project_id BLOB,
    token_id BLOB,
    rules TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT guardrails_level_check CHECK (
        (level = 'global' AND project_id IS NULL AND token_id IS NULL)
        OR (level = 'project' AND project_id IS NOT NULL AND token_id IS NULL)
        OR (level = 'token' AND project_id IS NULL AND token_id IS NOT NULL)
    ),
    CONSTRAINT guardrails_project_id_fkey
        FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,
    CONSTRAINT guardrails_token_id_fkey
        FOREIGN KEY (token_id) REFERENCES tokens (id) ON DELETE CASCADE,
    CONSTRAINT guardrails_project_id_key UNIQUE (project_id),
    CONSTRAINT guardrails_token_id_key UNIQUE (token_id)
) STRICT;

-- One for everybody.
CREATE UNIQUE INDEX guardrails_global_key ON guardrails (level) WHERE level = 'global';
