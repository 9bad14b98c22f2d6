-- What is done again and again, and when it is due.
CREATE TABLE jobs (
    name      TEXT COLLATE "C" NOT NULL,
    schedule  TEXT COLLATE "C" NOT NULL,
    last_tick BIGINT,
    next_at   BIGINT           NOT NULL,
    seen_at   BIGINT           NOT NULL,
    CONSTRAINT jobs_pkey PRIMARY KEY (name)
);

-- Each time that it is done. One run of a job at most waits or is carried out.
CREATE TABLE job_runs (
    id         UUID             NOT NULL,
    job        TEXT COLLATE "C" NOT NULL,
    origin     TEXT COLLATE "C" NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    attempts   BIGINT           NOT NULL,
    due_at     BIGINT           NOT NULL,
    created_at BIGINT           NOT NULL,
    started_at BIGINT,
    ended_at   BIGINT,
    holder     UUID,
    held_until BIGINT,
    amount     BIGINT           NOT NULL,
    error      TEXT COLLATE "C",
    version    BIGINT           NOT NULL,
    CONSTRAINT job_runs_pkey PRIMARY KEY (id)
);

CREATE UNIQUE INDEX job_runs_job_key ON job_runs (job) WHERE state IN ('waiting', 'running');
CREATE INDEX job_runs_job_ended_at_id_idx ON job_runs (job, ended_at, id);
CREATE INDEX job_runs_state_id_idx ON job_runs (state, id);
