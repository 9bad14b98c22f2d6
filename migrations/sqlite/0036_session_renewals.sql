-- How a session asks its identity provider again: with what, sealed, and from when on.
ALTER TABLE sessions ADD COLUMN renewal_ticket TEXT;
ALTER TABLE sessions ADD COLUMN renewal_due_at INTEGER;
-- Whoever asks may find the session under another secret afterwards.
CREATE UNIQUE INDEX sessions_id_key ON sessions (id);
