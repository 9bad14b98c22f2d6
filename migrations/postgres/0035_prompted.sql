-- What users wrote is counted and listed from calls, without what was said in them. The second column is the same in
-- every row; with it, counting takes no look at the table.
CREATE INDEX usage_events_prompted_at_idx ON usage_events (at, prompted) WHERE prompted;
