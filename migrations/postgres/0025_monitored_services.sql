-- Services that are looked at again and again; from status on, what was found.
CREATE TABLE monitored_services (
    id                   UUID             NOT NULL,
    name                 TEXT COLLATE "C" NOT NULL,
    display_name         TEXT COLLATE "C" NOT NULL,
    display_name_folded  TEXT COLLATE "C" NOT NULL,
    url                  TEXT COLLATE "C" NOT NULL,
    expected_status_code BIGINT           NOT NULL,
    interval_seconds     BIGINT           NOT NULL,
    enabled              BOOLEAN          NOT NULL,
    created_at           BIGINT           NOT NULL,
    updated_at           BIGINT           NOT NULL,
    version              BIGINT           NOT NULL,
    status               TEXT COLLATE "C" NOT NULL,
    last_checked_at      BIGINT,
    last_status_code     BIGINT,
    last_error           TEXT COLLATE "C" NOT NULL,
    last_latency_ms      BIGINT           NOT NULL,
    consecutive_failures BIGINT           NOT NULL,
    CONSTRAINT monitored_services_pkey PRIMARY KEY (id),
    CONSTRAINT monitored_services_name_key UNIQUE (name)
);
