-- Letters that were discarded are removed some time later.
CREATE INDEX dead_letters_discarded_idx ON dead_letters (discarded_at, id) WHERE discarded_at IS NOT NULL;
