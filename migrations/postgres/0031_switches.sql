-- What an operator switches on and off for the whole installation.
CREATE TABLE switches (
    name TEXT COLLATE "C" NOT NULL,
    is_on BOOLEAN NOT NULL,
    CONSTRAINT switches_pkey PRIMARY KEY (name)
);
