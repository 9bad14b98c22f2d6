-- What is kept of what was said in a project's calls; null leaves it to the process.
ALTER TABLE projects ADD COLUMN record_bodies TEXT COLLATE "C";
