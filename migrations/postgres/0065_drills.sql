-- Times in which data planes act as if a dependency were away, so that its absence can be rehearsed.
CREATE TABLE drills (
    dependency TEXT COLLATE "C" NOT NULL,
    until_at   BIGINT           NOT NULL,
    CONSTRAINT drills_pkey PRIMARY KEY (dependency)
);
