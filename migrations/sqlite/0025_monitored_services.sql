-- Services that are looked at again and again; from status on, what was found.
CREATE TABLE monitored_services (
    id                   BLOB    NOT NULL,
    name                 TEXT    NOT NULL,
    display_name         TEXT    NOT NULL,
    display_name_folded  TEXT    NOT NULL,
    url                  TEXT    NOT NULL,
    expected_status_code INTEGER NOT NULL,
    interval_seconds     INTEGER NOT NULL,
    enabled              INTEGER NOT NULL,
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL,
    version              INTEGER NOT NULL,
    status               TEXT    NOT NULL,
    last_checked_at      INTEGER,
    last_status_code     INTEGER,
    last_error           TEXT    NOT NULL,
    last_latency_ms      INTEGER NOT NULL,
    consecutive_failures INTEGER NOT NULL,
    CONSTRAINT monitored_services_pkey PRIMARY KEY (id),
    CONSTRAINT monitored_services_name_key UNIQUE (name)
) STRICT;
