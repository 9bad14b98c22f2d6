-- What an operator switches on and off for the whole installation.
CREATE TABLE switches (
    name TEXT NOT NULL,
    is_on INTEGER NOT NULL,
    CONSTRAINT switches_pkey PRIMARY KEY (name)
) STRICT;
