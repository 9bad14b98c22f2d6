-- How much may be used, as a document of the limits that are set.
ALTER TABLE projects ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';
ALTER TABLE access_groups ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';
ALTER TABLE accounts ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';
-- The limits of tokens that have no column of their own.
ALTER TABLE tokens ADD COLUMN more_limits TEXT NOT NULL DEFAULT '{}';
