-- Since when a job is not carried out when it is due.
ALTER TABLE jobs ADD COLUMN paused_at BIGINT;
