-- Who may call from where. Rules without a subject are everybody's; priorities are unique in a namespace.
CREATE TABLE network_rules (
    id          UUID             NOT NULL,
    namespace   TEXT COLLATE "C" NOT NULL,
    subject_id  UUID,
    address     TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    priority    BIGINT           NOT NULL,
    action      TEXT COLLATE "C" NOT NULL,
    enabled     BOOLEAN          NOT NULL,
    created_at  BIGINT           NOT NULL,
    updated_at  BIGINT           NOT NULL,
    version     BIGINT           NOT NULL,
    CONSTRAINT network_rules_pkey PRIMARY KEY (id)
);

CREATE UNIQUE INDEX network_rules_priority_key ON network_rules (priority) WHERE subject_id IS NULL;
CREATE UNIQUE INDEX network_rules_namespace_subject_id_priority_key
    ON network_rules (namespace, subject_id, priority) WHERE subject_id IS NOT NULL;
