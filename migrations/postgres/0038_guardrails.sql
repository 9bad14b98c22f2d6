-- What guardrails of the whole installation, of projects and of tokens say; those of AI endpoints are
-- part of the endpoint.
CREATE TABLE guardrails (
    level TEXT COLLATE "C" NOT NULL,
    project_id UUID,
    token_id UUID,
    rules JSONB NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
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
);

-- One for everybody.
CREATE UNIQUE INDEX guardrails_global_key ON guardrails (level) WHERE level = 'global';
