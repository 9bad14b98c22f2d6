-- What is used and held of budgets changes with every batch of calls that is recorded. With room in its page a row's new
-- version stays there, and no index has to be told.
ALTER TABLE limit_buckets SET (fillfactor = 50);
ALTER TABLE limit_holds SET (fillfactor = 50);
