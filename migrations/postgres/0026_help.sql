-- Questions and answers, at places from 0 without gaps.
CREATE TABLE faq_entries (
    id              UUID             NOT NULL,
    question        TEXT COLLATE "C" NOT NULL,
    question_folded TEXT COLLATE "C" NOT NULL,
    answer          TEXT COLLATE "C" NOT NULL,
    position        BIGINT           NOT NULL,
    published       BOOLEAN          NOT NULL,
    created_at      BIGINT           NOT NULL,
    updated_at      BIGINT           NOT NULL,
    version         BIGINT           NOT NULL,
    CONSTRAINT faq_entries_pkey PRIMARY KEY (id)
);

-- How tools are pointed at the gateway.
CREATE TABLE setup_guides (
    id            UUID             NOT NULL,
    identifier    TEXT COLLATE "C" NOT NULL,
    title         TEXT COLLATE "C" NOT NULL,
    title_folded  TEXT COLLATE "C" NOT NULL,
    subtitle      TEXT COLLATE "C" NOT NULL,
    icon          TEXT COLLATE "C" NOT NULL,
    compatibility TEXT COLLATE "C" NOT NULL,
    model_mode    TEXT COLLATE "C" NOT NULL,
    file_paths    JSONB            NOT NULL,
    template      TEXT COLLATE "C" NOT NULL,
    enabled       BOOLEAN          NOT NULL,
    position      BIGINT           NOT NULL,
    created_at    BIGINT           NOT NULL,
    updated_at    BIGINT           NOT NULL,
    version       BIGINT           NOT NULL,
    CONSTRAINT setup_guides_pkey PRIMARY KEY (id),
    CONSTRAINT setup_guides_identifier_key UNIQUE (identifier)
);
