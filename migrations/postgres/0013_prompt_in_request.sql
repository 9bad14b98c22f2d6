-- Where the prompt stands in the request, in bytes: it is not kept twice. Rows from before have it in
-- the column of its own, as have those whose request does not say it, or is not kept.
ALTER TABLE call_contents ADD COLUMN prompt_start BIGINT;
ALTER TABLE call_contents ADD COLUMN prompt_end   BIGINT;
