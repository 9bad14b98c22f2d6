-- Definitions of MCP servers. What is secret in the headers is sealed.
CREATE TABLE mcp_servers (
    id                  BLOB    NOT NULL,
    name                TEXT    NOT NULL,
    display_name        TEXT    NOT NULL,
    display_name_folded TEXT    NOT NULL,
    url                 TEXT    NOT NULL,
    headers             TEXT    NOT NULL,
    header_count        INTEGER NOT NULL,
    allow_pattern       TEXT    NOT NULL,
    deny_pattern        TEXT    NOT NULL,
    enabled             INTEGER NOT NULL,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    version             INTEGER NOT NULL,
    CONSTRAINT mcp_servers_pkey PRIMARY KEY (id),
    CONSTRAINT mcp_servers_name_key UNIQUE (name)
) STRICT;
