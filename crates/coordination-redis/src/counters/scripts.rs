//! What Redis does at once, in its own language.
//!
//! A counter is a hash: `u:<bucket>` what was used, `h:<bucket>` what is held, `e:<bucket>` when the bucket
//! counts no longer. A holder is a hash: `step`, and `a:<bucket>:<counter>` what it holds of a counter, as
//! `<amount>:<ends>:<whether it counts as used when nobody settles it>`. A sorted set has all holders by the
//! end of their lives. Instants are microseconds; Lua's numbers hold them, and amounts to 2^53, exactly.

/// What every script begins with.
macro_rules! script {
    ($body:literal) => {
        concat!(
            "local root = KEYS[1]
local function counter_key(counter) return root .. ':c:' .. counter end
local function holder_key(holder) return root .. ':h:' .. holder end
local function text(number) return string.format('%.0f', number) end
local now = tonumber(redis.call('TIME')[1]) * 1000
-- What is used and held in the buckets of a span, and when the oldest use ends. Forgets what was used in buckets that
-- count no longer, for whoever asks and, with a minute between their clocks, for Redis.
local function standing(counter, since, ends)
  local key = counter_key(counter)
  local used, held, oldest, resets, before = 0, 0, nil, ends, tonumber(ends)
  local all = redis.call('HGETALL', key)
  for at = 1, #all, 2 do
    local kind, bucket, value = all[at]:sub(1, 1), tonumber(all[at]:sub(3)), tonumber(all[at + 1])
    if bucket and bucket >= since then
      if bucket >= before then
        -- Of a window that comes after.
      elseif kind == 'u' then
        used = used + value
        if value > 0 and (not oldest or bucket < oldest) then oldest = bucket end
      elseif kind == 'h' then
        held = held + value
      end
    elseif kind == 'e' and value < (now - 60000) * 1000 then
      redis.call('HDEL', key, 'u:' .. all[at]:sub(3), all[at])
    end
  end
  if oldest then
    resets = redis.call('HGET', key, 'e:' .. text(oldest)) or ends
  end
  return used, held, resets
end
-- Redis forgets a counter when none of its buckets counts any longer, and a minute after its last use at the
-- earliest: what is settled late makes no key that stays.
local function keep_until(counter, ends)
  local key = counter_key(counter)
  if tonumber(ends) > 8e18 then
    redis.call('PERSIST', key)
    return
  end
  local left = math.max(tonumber(ends) / 1000 - now, 0) + 60000
  if redis.call('PTTL', key) < left then redis.call('PEXPIRE', key, text(left)) end
end
local function used(counter, bucket, amount, ends)
  local key = counter_key(counter)
  redis.call('HINCRBY', key, 'u:' .. bucket, text(amount))
  redis.call('HSET', key, 'e:' .. bucket, ends)
  keep_until(counter, ends)
end
local function unhold(counter, bucket, amount)
  local key = counter_key(counter)
  if redis.call('HINCRBY', key, 'h:' .. bucket, text(-amount)) <= 0 then
    redis.call('HDEL', key, 'h:' .. bucket)
  end
end
local function parts(value)
  local amount, ends, lost = value:match('^(%d+):(%d+):(%d)$')
  return tonumber(amount), ends, lost
end
",
            $body
        )
    };
}

/// Holder, until, then of each demand: counter, since, bucket, ends, cap, least, most, whether it counts as
/// used when lost. Answers 1 and of each what was given, used, held and when it resets; or 0, which has no
/// room, and how that stands.
pub(super) const TAKE: &str = script!(
    "local holder, untill = ARGV[1], ARGV[2]
local answer, taken = { '1' }, {}
for at = 3, #ARGV, 8 do
  local counter, since, bucket, ends = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 3]
  local cap, least, most = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
  local used, held, resets = standing(counter, since, ends)
  local room = math.max(cap - used - held, 0)
  if room < least then
    for _, one in ipairs(taken) do unhold(one[1], one[2], one[3]) end
    return { '0', text((at - 3) / 8), text(used), text(held), resets }
  end
  local given = math.min(room, math.max(most, least))
  redis.call('HINCRBY', counter_key(counter), 'h:' .. bucket, text(given))
  taken[#taken + 1] = { counter, bucket, given, ends, ARGV[at + 7] }
  for _, value in ipairs({ text(given), text(used), text(held + given), resets }) do
    answer[#answer + 1] = value
  end
end
local own = holder_key(holder)
for _, one in ipairs(taken) do
  local field = 'a:' .. one[2] .. ':' .. one[1]
  local before = redis.call('HGET', own, field)
  local amount = before and parts(before) or 0
  redis.call('HSET', own, field, text(amount + one[3]) .. ':' .. one[4] .. ':' .. one[5])
  keep_until(one[1], one[4])
end
redis.call('HSETNX', own, 'step', 0)
local lives = redis.call('ZSCORE', root .. ':holders', holder)
if not lives or tonumber(lives) < tonumber(untill) then
  redis.call('ZADD', root .. ':holders', untill, holder)
end
return answer"
);

/// Holder, step, then of each settlement: counter, bucket, ends, spent, freed. Answers whether the holder is
/// known.
pub(super) const SETTLE: &str = script!(
    "local own, step = holder_key(ARGV[1]), tonumber(ARGV[2])
local last = redis.call('HGET', own, 'step')
if not last then return 0 end
if tonumber(last) >= step then return 1 end
redis.call('HSET', own, 'step', ARGV[2])
for at = 3, #ARGV, 5 do
  local counter, bucket, ends = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local spent, freed = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local field = 'a:' .. bucket .. ':' .. counter
  local value = redis.call('HGET', own, field)
  if value then
    local held, _, lost = parts(value)
    local left = math.max(held - spent - freed, 0)
    unhold(counter, bucket, held - left)
    if left == 0 then
      redis.call('HDEL', own, field)
    else
      redis.call('HSET', own, field, text(left) .. ':' .. ends .. ':' .. lost)
    end
  end
  if spent > 0 then used(counter, bucket, spent, ends) end
end
return 1"
);

/// Holder.
pub(super) const END: &str = script!(
    "local all = redis.call('HGETALL', holder_key(ARGV[1]))
for at = 1, #all, 2 do
  local bucket, counter = all[at]:match('^a:(%d+):(.*)$')
  if bucket then unhold(counter, bucket, (parts(all[at + 1]))) end
end
redis.call('DEL', holder_key(ARGV[1]))
redis.call('ZREM', root .. ':holders', ARGV[1])
return 1"
);

/// Holder, until, now.
pub(super) const EXTEND: &str = script!(
    "local lives = redis.call('ZSCORE', root .. ':holders', ARGV[1])
if not lives or tonumber(lives) <= tonumber(ARGV[3]) then return 0 end
if tonumber(lives) < tonumber(ARGV[2]) then redis.call('ZADD', root .. ':holders', ARGV[2], ARGV[1]) end
return 1"
);

/// Of each limit: counter, since, ends. Answers of each what is used, held, and when it resets.
pub(super) const STANDING: &str = script!(
    "local answer = {}
for at = 1, #ARGV, 3 do
  local used, held, resets = standing(ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2])
  for _, value in ipairs({ text(used), text(held), resets }) do answer[#answer + 1] = value end
end
return answer"
);

/// Now, how many at most. Answers how many holders were swept, and how many holds they had.
pub(super) const SWEEP: &str = script!(
    "local gone = redis.call('ZRANGEBYSCORE', root .. ':holders', '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
local swept = 0
for _, holder in ipairs(gone) do
  local all = redis.call('HGETALL', holder_key(holder))
  for at = 1, #all, 2 do
    local bucket, counter = all[at]:match('^a:(%d+):(.*)$')
    if bucket then
      local amount, ends, lost = parts(all[at + 1])
      unhold(counter, bucket, amount)
      if lost == '1' and tonumber(ends) > tonumber(ARGV[1]) then used(counter, bucket, amount, ends) end
      swept = swept + 1
    end
  end
  redis.call('DEL', holder_key(holder))
  redis.call('ZREM', root .. ':holders', holder)
end
return { #gone, swept }"
);
