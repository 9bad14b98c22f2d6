-- Times in which data planes act as if a dependency were away, so that its absence can be rehearsed.
CREATE TABLE drills (
    dependency TEXT    NOT NULL PRIMARY KEY,
    until_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
