-- A provider may have several secrets, each with a name, a weight and a switch of its own. A replaced
-- one goes on serving for a while. The defaults are for rows from before, and for processes of the
-- version before that still run.
ALTER TABLE credentials ADD COLUMN name            TEXT COLLATE "C" NOT NULL DEFAULT 'default';
ALTER TABLE credentials ADD COLUMN name_folded     TEXT COLLATE "C" NOT NULL DEFAULT 'default';
ALTER TABLE credentials ADD COLUMN preview         TEXT COLLATE "C" NOT NULL DEFAULT '…';
ALTER TABLE credentials ADD COLUMN weight          BIGINT           NOT NULL DEFAULT 1;
ALTER TABLE credentials ADD COLUMN active          BOOLEAN          NOT NULL DEFAULT TRUE;
ALTER TABLE credentials ADD COLUMN previous_sealed TEXT COLLATE "C";
ALTER TABLE credentials ADD COLUMN previous_until  BIGINT;
ALTER TABLE credentials ADD COLUMN updated_at      BIGINT           NOT NULL DEFAULT 0;
ALTER TABLE credentials ADD COLUMN version         BIGINT           NOT NULL DEFAULT 1;

UPDATE credentials SET updated_at = created_at;
