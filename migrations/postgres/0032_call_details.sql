-- What is told of a call and no query looks into is one document: each column of a row costs something when it is
-- written, and there is a row for every call. Rows from before have it in columns, and those of a process of the
-- version before, which may still be running, too.
ALTER TABLE usage_events ADD COLUMN details JSONB;
