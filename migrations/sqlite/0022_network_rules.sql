-- Who may call from where. Rules without a subject are everybody's; priorities are unique in a namespace.
CREATE TABLE network_rules (
    id          BLOB    NOT NULL,
    namespace   TEXT    NOT NULL,
    subject_id  BLOB,
    address     TEXT    NOT NULL,
    description TEXT    NOT NULL,
    priority    INTEGER NOT NULL,
    action      TEXT    NOT NULL,
    enabled     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    CONSTRAINT network_rules_pkey PRIMARY KEY (id)
) STRICT;

CREATE UNIQUE INDEX network_rules_priority_key ON network_rules (priority) WHERE subject_id IS NULL;
CREATE UNIQUE INDEX network_rules_namespace_subject_id_priority_key
    ON network_rules (namespace, subject_id, priority) WHERE subject_id IS NOT NULL;
