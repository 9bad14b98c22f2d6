-- Definitions of MCP servers. What is secret in the headers is sealed.
CREATE TABLE mcp_servers (
    id                  UUID             NOT NULL,
    name                TEXT COLLATE "C" NOT NULL,
    display_name        TEXT COLLATE "C" NOT NULL,
    display_name_folded TEXT COLLATE "C" NOT NULL,
    url                 TEXT COLLATE "C" NOT NULL,
    headers             TEXT COLLATE "C" NOT NULL,
    header_count        BIGINT           NOT NULL,
    allow_pattern       TEXT COLLATE "C" NOT NULL,
    deny_pattern        TEXT COLLATE "C" NOT NULL,
    enabled             BOOLEAN          NOT NULL,
    created_at          BIGINT           NOT NULL,
    updated_at          BIGINT           NOT NULL,
    version             BIGINT           NOT NULL,
    CONSTRAINT mcp_servers_pkey PRIMARY KEY (id),
    CONSTRAINT mcp_servers_name_key UNIQUE (name)
);
