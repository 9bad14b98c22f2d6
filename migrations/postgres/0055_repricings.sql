-- Calls of the past that get other prices, and how far that is.
CREATE TABLE repricings (
    id            UUID NOT NULL,
    from_at       BIGINT NOT NULL,
    to_at         BIGINT NOT NULL,
    provider      TEXT,
    model         TEXT,
    price_version TEXT,
    dry_run       BOOLEAN NOT NULL,
    state         TEXT NOT NULL,
    cursor_at     BIGINT,
    cursor_id     UUID,
    examined      BIGINT NOT NULL,
    changed       BIGINT NOT NULL,
    before_nanos  BIGINT NOT NULL,
    after_nanos   BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    version       BIGINT NOT NULL,
    CONSTRAINT repricings_pkey PRIMARY KEY (id)
);

CREATE INDEX repricings_created_at_idx ON repricings (created_at);
