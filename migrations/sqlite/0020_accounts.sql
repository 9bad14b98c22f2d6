-- People and service accounts. A deleted one keeps its id, its kind and its dates, so that calls stay
-- attributable. Columns ending in `_folded` are the lower-case texts, for search, sorting and
-- uniqueness.
CREATE TABLE accounts (
    id                   BLOB    NOT NULL,
    kind                 TEXT    NOT NULL,
    issuer               TEXT,
    subject              TEXT    NOT NULL,
    username             TEXT    NOT NULL,
    username_folded      TEXT    NOT NULL,
    email                TEXT    NOT NULL,
    email_folded         TEXT    NOT NULL,
    name                 TEXT    NOT NULL,
    name_folded          TEXT    NOT NULL,
    role                 TEXT    NOT NULL,
    plan_id              BLOB,
    note                 TEXT    NOT NULL,
    active               INTEGER NOT NULL,
    firewall_override    INTEGER NOT NULL,
    expires_at           INTEGER,
    last_login_at        INTEGER,
    password_hash        TEXT,
    must_change_password INTEGER NOT NULL,
    well_known_password  INTEGER NOT NULL,
    totp_secret          TEXT,
    totp_confirmed_at    INTEGER,
    totp_last_step       INTEGER,
    totp_recovery        TEXT    NOT NULL,
    deleted_at           INTEGER,
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL,
    version              INTEGER NOT NULL,
    CONSTRAINT accounts_pkey PRIMARY KEY (id)
) STRICT;
CREATE UNIQUE INDEX accounts_issuer_subject_key ON accounts (issuer, subject) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX accounts_email_folded_key ON accounts (email_folded)
    WHERE deleted_at IS NULL AND password_hash IS NOT NULL;
CREATE UNIQUE INDEX accounts_username_key ON accounts (username)
    WHERE deleted_at IS NULL AND kind = 'service';
CREATE INDEX accounts_kind_username_idx ON accounts (kind, username);

-- Whoever decides by the number of administrators holds the one row of this table meanwhile.
CREATE TABLE account_locks (
    name TEXT NOT NULL,
    CONSTRAINT account_locks_pkey PRIMARY KEY (name)
) STRICT;
INSERT INTO account_locks (name) VALUES ('administrators');

CREATE TABLE memberships (
    project_id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    role       TEXT NOT NULL,
    CONSTRAINT memberships_pkey PRIMARY KEY (project_id, account_id),
    CONSTRAINT memberships_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,
    CONSTRAINT memberships_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX memberships_account_id_idx ON memberships (account_id);

-- Sign-ins, by the SHA-256 of what is in the cookie.
CREATE TABLE sessions (
    hash         BLOB    NOT NULL,
    id           BLOB    NOT NULL,
    account_id   BLOB    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    address      TEXT,
    user_agent   TEXT    NOT NULL,
    provider     TEXT,
    id_token     TEXT,
    stage        TEXT    NOT NULL,
    CONSTRAINT sessions_pkey PRIMARY KEY (hash)
) STRICT;
CREATE INDEX sessions_account_id_idx ON sessions (account_id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

-- How often something was tried in the window that ends then.
CREATE TABLE throttles (
    name    TEXT    NOT NULL,
    hits    INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    CONSTRAINT throttles_pkey PRIMARY KEY (name)
) STRICT;
CREATE INDEX throttles_ends_at_idx ON throttles (ends_at);

-- What is read once, sealed.
CREATE TABLE one_time (
    name       TEXT    NOT NULL,
    value      TEXT    NOT NULL,
    expires_at INTEGER NOT NULL,
    CONSTRAINT one_time_pkey PRIMARY KEY (name)
) STRICT;
CREATE INDEX one_time_expires_at_idx ON one_time (expires_at);
