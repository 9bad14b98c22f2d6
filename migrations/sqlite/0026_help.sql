-- Questions and answers, at places from 0 without gaps.
CREATE TABLE faq_entries (
    id              BLOB    NOT NULL,
    question        TEXT    NOT NULL,
    question_folded TEXT    NOT NULL,
    answer          TEXT    NOT NULL,
    position        INTEGER NOT NULL,
    published       INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    version         INTEGER NOT NULL,
    CONSTRAINT faq_entries_pkey PRIMARY KEY (id)
) STRICT;

-- How tools are pointed at the gateway.
CREATE TABLE setup_guides (
    id            BLOB    NOT NULL,
    identifier    TEXT    NOT NULL,
    title         TEXT    NOT NULL,
    title_folded  TEXT    NOT NULL,
    subtitle      TEXT    NOT NULL,
    icon          TEXT    NOT NULL,
    compatibility TEXT    NOT NULL,
    model_mode    TEXT    NOT NULL,
    file_paths    TEXT    NOT NULL,
    template      TEXT    NOT NULL,
    enabled       INTEGER NOT NULL,
    position      INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    CONSTRAINT setup_guides_pkey PRIMARY KEY (id),
    CONSTRAINT setup_guides_identifier_key UNIQUE (identifier)
) STRICT;
