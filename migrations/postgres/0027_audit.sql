-- More about each event, and what signs the chain. Rows from before have the first version of the hash,
-- which covers none of the new columns.
ALTER TABLE audit_log ADD COLUMN hash_version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE audit_log ADD COLUMN severity TEXT COLLATE "C" NOT NULL DEFAULT 'info';
ALTER TABLE audit_log ADD COLUMN actor_label TEXT COLLATE "C";
ALTER TABLE audit_log ADD COLUMN address TEXT COLLATE "C";
ALTER TABLE audit_log ADD COLUMN request_id UUID;
ALTER TABLE audit_log ADD COLUMN via TEXT COLLATE "C";
ALTER TABLE audit_log ADD COLUMN before_values JSONB NOT NULL DEFAULT '{}';
ALTER TABLE audit_log ADD COLUMN after_values JSONB NOT NULL DEFAULT '{}';
-- The lower-case texts that a search looks into. It is no part of the record.
ALTER TABLE audit_log ADD COLUMN search_folded TEXT COLLATE "C" NOT NULL DEFAULT '';

UPDATE audit_log SET
    search_folded = lower(action || ' ' || actor_kind || ' ' || coalesce(actor_id, '') || ' '
        || target_kind || ' ' || target_id),
    severity = CASE
        WHEN action LIKE '%.created' AND action <> 'credential.created' THEN 'ok'
        WHEN action LIKE '%.deleted' OR action LIKE '%.deactivated' OR action LIKE '%.disabled'
            OR action LIKE '%.revoked' OR action LIKE '%.rotated' THEN 'warn'
        WHEN action LIKE '%.enabled' THEN 'ok'
        ELSE 'info'
    END;

CREATE INDEX audit_log_at_idx ON audit_log (at, position);
CREATE INDEX audit_log_action_idx ON audit_log (action, position);
CREATE INDEX audit_log_project_id_idx ON audit_log (project_id, position);
CREATE INDEX audit_log_actor_id_idx ON audit_log (actor_id, position);

-- What was signed about the log: the rows after the checkpoint before, up to a position. Rows may only
-- be missing where a checkpoint says that they may go.
CREATE TABLE audit_checkpoints (
    position    BIGINT           NOT NULL,
    previous    BIGINT           NOT NULL,
    hash        BYTEA            NOT NULL,
    row_count   BIGINT           NOT NULL,
    last_at     BIGINT           NOT NULL,
    closed_at   BIGINT           NOT NULL,
    released_at BIGINT,
    signature   TEXT COLLATE "C" NOT NULL,
    CONSTRAINT audit_checkpoints_pkey PRIMARY KEY (position)
);
CREATE UNIQUE INDEX audit_checkpoints_previous_key ON audit_checkpoints (previous);
