-- What tokens minted, old secrets that still work for a while, and what is said about keys.
ALTER TABLE tokens ADD COLUMN description        TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN description_folded TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN previous_hash      BYTEA;
ALTER TABLE tokens ADD COLUMN previous_until     BIGINT;
ALTER TABLE tokens ADD COLUMN expired_at         BIGINT;
ALTER TABLE tokens ADD COLUMN parent_id          UUID
    CONSTRAINT tokens_parent_id_fkey REFERENCES tokens (id);
ALTER TABLE tokens ADD COLUMN depth              BIGINT NOT NULL DEFAULT 0;

CREATE INDEX tokens_previous_hash_idx ON tokens (previous_hash) WHERE previous_hash IS NOT NULL;
CREATE INDEX tokens_parent_id_idx ON tokens (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX tokens_owner_id_idx ON tokens (owner_id, created_at) WHERE owner_id IS NOT NULL;
CREATE INDEX tokens_expires_at_idx ON tokens (expires_at) WHERE expires_at IS NOT NULL AND expired_at IS NULL;
