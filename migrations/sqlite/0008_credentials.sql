-- A provider may have several secrets, each with a name, a weight and a switch of its own. A replaced
-- one goes on serving for a while. The defaults are for rows from before, and for processes of the
-- version before that still run.
ALTER TABLE credentials ADD COLUMN name            TEXT    NOT NULL DEFAULT 'default';
ALTER TABLE credentials ADD COLUMN name_folded     TEXT    NOT NULL DEFAULT 'default';
ALTER TABLE credentials ADD COLUMN preview         TEXT    NOT NULL DEFAULT '…';
ALTER TABLE credentials ADD COLUMN weight          INTEGER NOT NULL DEFAULT 1;
ALTER TABLE credentials ADD COLUMN active          INTEGER NOT NULL DEFAULT 1;
ALTER TABLE credentials ADD COLUMN previous_sealed TEXT;
ALTER TABLE credentials ADD COLUMN previous_until  INTEGER;
ALTER TABLE credentials ADD COLUMN updated_at      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE credentials ADD COLUMN version         INTEGER NOT NULL DEFAULT 1;

UPDATE credentials SET updated_at = created_at;
