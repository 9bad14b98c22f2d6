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
  local found = redis.call('HMGET', key, 'account', 'id')
  redis.call('ZREM', root .. ':seen', hash)
  redis.call('ZREM', root .. ':ends', hash)
  if not found[1] then return 0 end
  redis.call('ZREM', root .. ':of:' .. found[1], hash)
  if found[2] then redis.call('DEL', root .. ':renewal:' .. found[2]) end
  return redis.call('DEL', key)
end
local function keep(hash, document, account, seen, ends, ends_millis, id)
  local key = root .. ':session:' .. hash
  redis.call('HSET', key, 'document', document, 'account', account, 'seen', seen, 'id', id)
  redis.call('PEXPIREAT', key, ends_millis)
  redis.call('ZADD', root .. ':seen', seen, hash)
  redis.call('ZADD', root .. ':ends', ends, hash)
  local of = root .. ':of:' .. account
  redis.call('ZADD', of, ends, hash)
  local last = redis.call('ZREVRANGE', of, 0, 0, 'WITHSCORES')
  if last[1] == hash then redis.call('PEXPIREAT', of, ends_millis) end
  return 1
end
local function renewable(id, ticket, due, ends_millis)
  local key = root .. ':renewal:' .. id
  redis.call('HSET', key, 'ticket', ticket, 'due', due)
  redis.call('PEXPIREAT', key, ends_millis)
end
local function found(hash)
  local kept = redis.call('HMGET', root .. ':session:' .. hash, 'document', 'seen', 'id')
  if not kept[1] then return nil end
  local renewal = {}
  if kept[3] then renewal = redis.call('HMGET', root .. ':renewal:' .. kept[3], 'ticket', 'due') end
  return {kept[1], kept[2], renewal[1] or '', renewal[2] or ''}
end
",
            $body
        )
    };
}

/// Hash, document, account, last use, end, end in milliseconds, id; the ticket of its renewal and when
/// that is due, if it has one.
pub(super) const INSERT: &str = script!(
    "if ARGV[8] then renewable(ARGV[7], ARGV[8], ARGV[9], ARGV[6]) end
return keep(ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7])"
);

/// The first seven of [`INSERT`], and the hash that must be there and goes. The renewal stays.
pub(super) const REPLACE: &str = script!(
    "local renewal = redis.call('HMGET', root .. ':renewal:' .. ARGV[7], 'ticket', 'due')
if drop(ARGV[8]) == 0 then return 0 end
if renewal[1] then renewable(ARGV[7], renewal[1], renewal[2], ARGV[6]) end
return keep(ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7])"
);

/// Hash. Answers document, last use, ticket and when that is due, or nothing.
pub(super) const FIND: &str = script!("return found(ARGV[1]) or {}");

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

/// Account. Answers as [`FIND`], for one after the other.
pub(super) const LIST_OF: &str = script!(
    "local all = {}
for _, hash in ipairs(redis.call('ZRANGE', root .. ':of:' .. ARGV[1], 0, -1)) do
  local one = found(hash)
  if one then
    for _, part in ipairs(one) do all[#all + 1] = part end
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

/// Id, when its renewal is due, until when it is put off.
pub(super) const CLAIM: &str = script!(
    "local key = root .. ':renewal:' .. ARGV[1]
if redis.call('HGET', key, 'due') ~= ARGV[2] then return 0 end
redis.call('HSET', key, 'due', ARGV[3])
return 1"
);

/// Id, until when its renewal was put off, ticket, when it is due.
pub(super) const RENEW: &str = script!(
    "local key = root .. ':renewal:' .. ARGV[1]
if redis.call('HGET', key, 'due') ~= ARGV[2] then return 0 end
redis.call('HSET', key, 'ticket', ARGV[3], 'due', ARGV[4])
return 1"
);

/// Answers the hashes of all sessions.
pub(super) const ALL: &str = script!("return redis.call('ZRANGE', root .. ':ends', 0, -1)");

/// Hashes. Answers the ids of those that have a renewal, each with its ticket after it.
pub(super) const TICKETS: &str = script!(
    "local all = {}
for _, hash in ipairs(ARGV) do
  local id = redis.call('HGET', root .. ':session:' .. hash, 'id')
  local ticket = id and redis.call('HGET', root .. ':renewal:' .. id, 'ticket')
  if ticket then
    all[#all + 1] = id
    all[#all + 1] = ticket
  end
end
return all"
);

/// Id, the ticket that must be there, the one in its place.
pub(super) const REPLACE_TICKET: &str = script!(
    "local key = root .. ':renewal:' .. ARGV[1]
if redis.call('HGET', key, 'ticket') ~= ARGV[2] then return 0 end
redis.call('HSET', key, 'ticket', ARGV[3])
return 1"
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
