-- Groups of accounts, and the models that they may call.
CREATE TABLE access_groups (
    id                  BLOB    NOT NULL,
    name                TEXT    NOT NULL,
    display_name        TEXT    NOT NULL,
    display_name_folded TEXT    NOT NULL,
    description         TEXT    NOT NULL,
    description_folded  TEXT    NOT NULL,
    all_providers       INTEGER NOT NULL,
    allow_patterns      TEXT    NOT NULL,
    allow_count         INTEGER NOT NULL,
    exclude_patterns    TEXT    NOT NULL,
    for_new_accounts    INTEGER NOT NULL,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    version             INTEGER NOT NULL,
    CONSTRAINT access_groups_pkey PRIMARY KEY (id),
    CONSTRAINT access_groups_name_key UNIQUE (name)
) STRICT;

-- Which providers a group grants that does not grant all of them.
CREATE TABLE access_group_providers (
    group_id    BLOB NOT NULL,
    provider_id BLOB NOT NULL,
    CONSTRAINT access_group_providers_pkey PRIMARY KEY (group_id, provider_id),
    CONSTRAINT access_group_providers_group_id_fkey
        FOREIGN KEY (group_id) REFERENCES access_groups (id) ON DELETE CASCADE,
    CONSTRAINT access_group_providers_provider_id_fkey
        FOREIGN KEY (provider_id) REFERENCES providers (id) ON DELETE CASCADE
) STRICT;

CREATE INDEX access_group_providers_provider_id_idx ON access_group_providers (provider_id);

-- Who is in a group.
CREATE TABLE access_group_members (
    account_id BLOB NOT NULL,
    group_id   BLOB NOT NULL,
    CONSTRAINT access_group_members_pkey PRIMARY KEY (account_id, group_id),
    CONSTRAINT access_group_members_account_id_fkey
        FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE,
    CONSTRAINT access_group_members_group_id_fkey
        FOREIGN KEY (group_id) REFERENCES access_groups (id) ON DELETE CASCADE
) STRICT;

CREATE INDEX access_group_members_group_id_idx ON access_group_members (group_id);

-- How many tokens accounts may use. Which one an account was given is kept with the account.
CREATE TABLE subscription_plans (
    id              BLOB    NOT NULL,
    name            TEXT    NOT NULL,
    name_folded     TEXT    NOT NULL,
    description     TEXT    NOT NULL,
    quota_5h_tokens INTEGER,
    quota_7d_tokens INTEGER,
    is_default      INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    version         INTEGER NOT NULL,
    CONSTRAINT subscription_plans_pkey PRIMARY KEY (id),
    CONSTRAINT subscription_plans_name_folded_key UNIQUE (name_folded)
) STRICT;

-- At most one is the default.
CREATE UNIQUE INDEX subscription_plans_is_default_key ON subscription_plans (is_default) WHERE is_default = 1;

CREATE INDEX accounts_plan_id_idx ON accounts (plan_id);
