-- What is done again and again, and when it is due.
CREATE TABLE jobs (
    name      TEXT    NOT NULL,
    schedule  TEXT    NOT NULL,
    last_tick INTEGER,
    next_at   INTEGER NOT NULL,
    seen_at   INTEGER NOT NULL,
    CONSTRAINT jobs_pkey PRIMARY KEY (name)
) STRICT;

-- Each time that it is done. One run of a job at most waits or is carried out.
CREATE TABLE job_runs (
    id         BLOB    NOT NULL,
    job        TEXT    NOT NULL,
    origin     TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    attempts   INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at   INTEGER,
    holder     BLOB,
    held_until INTEGER,
    amount     INTEGER NOT NULL,
    error      TEXT,
    version    INTEGER NOT NULL,
    CONSTRAINT job_runs_pkey PRIMARY KEY (id)
) STRICT;

CREATE UNIQUE INDEX job_runs_job_key ON job_runs (job) WHERE state IN ('waiting', 'running');
CREATE INDEX job_runs_job_ended_at_id_idx ON job_runs (job, ended_at, id);
CREATE INDEX job_runs_state_id_idx ON job_runs (state, id);
