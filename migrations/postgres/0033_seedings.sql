-- What was written into a new installation, once and for all.
CREATE TABLE seedings (
    name TEXT COLLATE "C" NOT NULL,
    CONSTRAINT seedings_pkey PRIMARY KEY (name)
);

INSERT INTO seedings (name) SELECT 'setup_guides' WHERE EXISTS (SELECT 1 FROM setup_guides);
