//! What Redis does in one step. Instants are microseconds and arrive as texts: Lua would write them as
//! fractions.

/// A script with the functions that several use. `KEYS[1]` is what all keys begin with.
macro_rules! script {
    ($body:literal) => {
        concat!(
            r"
local root = KEYS[1]
local function drop(hash)
  local key = root .. ':session:' .. hash
  local account = redis.call('HGET', key, 'account')
  redis.call('ZREM', root .. ':seen', hash)
  redis.call('ZREM', root .. ':ends', hash)
  if not account then return 0 end
  redis.call('ZREM', root .. ':of:' .. account, hash)
  return redis.call('DEL', key)
end
local function keep(hash, document, account, seen, ends, ends_millis)
  local key = root .. ':session:' .. hash
  redis.call('HSET', key, 'document', document, 'account', account, 'seen', seen)
  redis.call('PEXPIREAT', key, ends_millis)
  redis.call('ZADD', root .. ':seen', seen, hash)
  redis.call('ZADD', root .. ':ends', ends, hash)
  local of = root .. ':of:' .. account
  redis.call('ZADD', of, ends, hash)
  local last = redis.call('ZREVRANGE', of, 0, 0, 'WITHSCORES')
  if last[1] == hash then redis.call('PEXPIREAT', of, ends_millis) end
  return 1
end
",
            $body
        )
    };
}

/// Hash, document, account, last use, end, end in milliseconds.
pub(super) const INSERT: &str = script!("return keep(ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6])");

/// As [`INSERT`], and the hash that must be there and goes.
pub(super) const REPLACE: &str = script!(
    "if drop(ARGV[7]) == 0 then return 0 end
return keep(ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6])"
);

/// Hash. Answers document and last use, or nothing.
pub(super) const FIND: &str = script!(
    "local found = redis.call('HMGET', root .. ':session:' .. ARGV[1], 'document', 'seen')
if found[1] then return found end
return {}"
);

/// Hash, instant.
pub(super) const TOUCH: &str = script!(
    "local key = root .. ':session:' .. ARGV[1]
local seen = redis.call('HGET', key, 'seen')
if not seen then return 0 end
if tonumber(seen) < tonumber(ARGV[2]) then
  redis.call('HSET', key, 'seen', ARGV[2])
  redis.call('ZADD', root .. ':seen', ARGV[2], ARGV[1])
end
return 1"
);

/// Hash.
pub(super) const REMOVE: &str = script!("return drop(ARGV[1])");

/// Account. Answers documents, each with its last use after it.
pub(super) const LIST_OF: &str = script!(
    "local all = {}
for _, hash in ipairs(redis.call('ZRANGE', root .. ':of:' .. ARGV[1], 0, -1)) do
  local found = redis.call('HMGET', root .. ':session:' .. hash, 'document', 'seen')
  if found[1] then
    all[#all + 1] = found[1]
    all[#all + 1] = found[2]
  else
    redis.call('ZREM', root .. ':of:' .. ARGV[1], hash)
  end
end
return all"
);

/// Account, the hash that stays.
pub(super) const REMOVE_ALL_OF: &str = script!(
    "local removed = 0
for _, hash in ipairs(redis.call('ZRANGE', root .. ':of:' .. ARGV[1], 0, -1)) do
  if hash ~= ARGV[2] then removed = removed + drop(hash) end
end
return removed"
);

/// Now, idle since, how many at most. Answers how many were looked at and how many were removed.
pub(super) const PRUNE: &str = script!(
    "local looked, removed = 0, 0
for _, by in ipairs({{':ends', ARGV[1]}, {':seen', ARGV[2]}}) do
  local left = tonumber(ARGV[3]) - looked
  if left > 0 then
    for _, hash in ipairs(redis.call('ZRANGEBYSCORE', root .. by[1], '-inf', by[2], 'LIMIT', 0, left)) do
      looked = looked + 1
      removed = removed + drop(hash)
    end
  end
end
return {looked, removed}"
);

/// Key, limit, now, end of a window that begins now, its length in milliseconds. Answers whether the
/// try is allowed and how long the window still lasts.
pub(super) const HIT: &str = script!(
    "local key = root .. ':throttle:' .. ARGV[1]
local limit, now = tonumber(ARGV[2]), tonumber(ARGV[3])
if limit == 0 then return {0, tonumber(ARGV[4]) - now} end
local kept = redis.call('HMGET', key, 'hits', 'ends')
if not kept[2] or tonumber(kept[2]) <= now then
  redis.call('HSET', key, 'hits', 1, 'ends', ARGV[4])
  redis.call('PEXPIRE', key, ARGV[5])
  return {1, 0}
end
if tonumber(kept[1]) < limit then
  redis.call('HINCRBY', key, 'hits', 1)
  return {1, 0}
end
return {0, tonumber(kept[2]) - now}"
);
