-- People and service accounts. A deleted one keeps its id, its kind and its dates, so that calls stay
-- attributable. Columns ending in `_folded` are the lower-case texts, for search, sorting and
-- uniqueness.
CREATE TABLE accounts (
    id                   UUID             NOT NULL,
    kind                 TEXT COLLATE "C" NOT NULL,
    issuer               TEXT COLLATE "C",
    subject              TEXT COLLATE "C" NOT NULL,
    username             TEXT COLLATE "C" NOT NULL,
    username_folded      TEXT COLLATE "C" NOT NULL,
    email                TEXT COLLATE "C" NOT NULL,
    email_folded         TEXT COLLATE "C" NOT NULL,
    name                 TEXT COLLATE "C" NOT NULL,
    name_folded          TEXT COLLATE "C" NOT NULL,
    role                 TEXT COLLATE "C" NOT NULL,
    plan_id              UUID,
    note                 TEXT COLLATE "C" NOT NULL,
    active               BOOLEAN          NOT NULL,
    firewall_override    BOOLEAN          NOT NULL,
    expires_at           BIGINT,
    last_login_at        BIGINT,
    password_hash        TEXT COLLATE "C",
    must_change_password BOOLEAN          NOT NULL,
    well_known_password  BOOLEAN          NOT NULL,
    totp_secret          TEXT COLLATE "C",
    totp_confirmed_at    BIGINT,
    totp_last_step       BIGINT,
    totp_recovery        TEXT COLLATE "C" NOT NULL,
    deleted_at           BIGINT,
    created_at           BIGINT           NOT NULL,
    updated_at           BIGINT           NOT NULL,
    version              BIGINT           NOT NULL,
    CONSTRAINT accounts_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX accounts_issuer_subject_key ON accounts (issuer, subject) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX accounts_email_folded_key ON accounts (email_folded)
    WHERE deleted_at IS NULL AND password_hash IS NOT NULL;
CREATE UNIQUE INDEX accounts_username_key ON accounts (username)
    WHERE deleted_at IS NULL AND kind = 'service';
CREATE INDEX accounts_kind_username_idx ON accounts (kind, username);

-- Whoever decides by the number of administrators holds the one row of this table meanwhile.
CREATE TABLE account_locks (
    name                 TEXT COLLATE "C" NOT NULL,
    CONSTRAINT account_locks_pkey PRIMARY KEY (name)
);
INSERT INTO account_locks (name) VALUES ('administrators');

CREATE TABLE memberships (
    project_id           UUID             NOT NULL,
    account_id           UUID             NOT NULL,
    role                 TEXT COLLATE "C" NOT NULL,
    CONSTRAINT memberships_pkey PRIMARY KEY (project_id, account_id),
    CONSTRAINT memberships_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,
    CONSTRAINT memberships_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE INDEX memberships_account_id_idx ON memberships (account_id);

-- Sign-ins, by the SHA-256 of what is in the cookie.
CREATE TABLE sessions (
    hash                 BYTEA            NOT NULL,
    id                   UUID             NOT NULL,
    account_id           UUID             NOT NULL,
    created_at           BIGINT           NOT NULL,
    last_seen_at         BIGINT           NOT NULL,
    expires_at           BIGINT           NOT NULL,
    address              TEXT COLLATE "C",
    user_agent           TEXT COLLATE "C" NOT NULL,
    provider             TEXT COLLATE "C",
    id_token             TEXT COLLATE "C",
    stage                TEXT COLLATE "C" NOT NULL,
    CONSTRAINT sessions_pkey PRIMARY KEY (hash)
);
CREATE INDEX sessions_account_id_idx ON sessions (account_id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

-- How often something was tried in the window that ends then.
CREATE TABLE throttles (
    name                 TEXT COLLATE "C" NOT NULL,
    hits                 BIGINT           NOT NULL,
    ends_at              BIGINT           NOT NULL,
    CONSTRAINT throttles_pkey PRIMARY KEY (name)
);
CREATE INDEX throttles_ends_at_idx ON throttles (ends_at);

-- What is read once, sealed.
CREATE TABLE one_time (
    name                 TEXT COLLATE "C" NOT NULL,
    value                TEXT COLLATE "C" NOT NULL,
    expires_at           BIGINT           NOT NULL,
    CONSTRAINT one_time_pkey PRIMARY KEY (name)
);
CREATE INDEX one_time_expires_at_idx ON one_time (expires_at);
