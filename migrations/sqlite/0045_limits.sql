-- What callers have used within the windows of their limits, and what processes hold of that.
CREATE TABLE limit_counters (
    counter TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- What was used, by the bucket in which it counts, until it counts no longer.
CREATE TABLE limit_buckets (
    counter TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    used INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    CONSTRAINT limit_buckets_pkey PRIMARY KEY (counter, bucket)
) STRICT, WITHOUT ROWID;
CREATE INDEX limit_buckets_ends_at_idx ON limit_buckets (ends_at);

CREATE TABLE limit_holders (
    holder BLOB NOT NULL PRIMARY KEY,
    step INTEGER NOT NULL,
    until_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX limit_holders_until_at_idx ON limit_holders (until_at);

CREATE TABLE limit_holds (
    holder BLOB NOT NULL,
    counter TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    -- Whether what nobody settles counts as used.
    is_used_when_lost INTEGER NOT NULL,
    CONSTRAINT limit_holds_pkey PRIMARY KEY (holder, counter, bucket)
) STRICT, WITHOUT ROWID;
CREATE INDEX limit_holds_counter_idx ON limit_holds (counter, bucket);
