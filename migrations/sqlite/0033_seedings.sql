-- What was written into a new installation, once and for all.
CREATE TABLE seedings (
    name TEXT NOT NULL,
    CONSTRAINT seedings_pkey PRIMARY KEY (name)
) STRICT;

INSERT INTO seedings (name) SELECT 'setup_guides' WHERE EXISTS (SELECT 1 FROM setup_guides);
