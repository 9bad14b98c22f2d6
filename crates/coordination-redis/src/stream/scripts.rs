//! What must be done in one go. All scripts work on the one key that they are given.

/// How many calls the stream holds, and how many bytes it takes, about.
pub(super) const ROOM: &str = r"
return {redis.call('XLEN', KEYS[1]), redis.call('MEMORY', 'USAGE', KEYS[1], 'SAMPLES', 5) or 0}
";

/// Length, pending, lag (-1 where Redis cannot tell) and number of consumers. Argument: the group.
pub(super) const SIZE: &str = r"
local size = {redis.call('XLEN', KEYS[1]), 0, -1, 0}
if size[1] == 0 and redis.call('EXISTS', KEYS[1]) == 0 then
  return size
end
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local said = {}
  for at = 1, #group, 2 do said[group[at]] = group[at + 1] end
  if said['name'] == ARGV[1] then
    size[2] = said['pending']
    size[3] = said['lag'] or -1
    size[4] = said['consumers']
  end
end
return size
";

/// Delivers entries that nobody was given yet, without waiting for any. Arguments: the group, the consumer,
/// how many at most, after how many bytes it is enough. Answers with id, number of deliveries and fields of
/// each.
pub(super) const READ: &str = r"
local most, bytes, found = tonumber(ARGV[3]), tonumber(ARGV[4]), {}
while #found < most and bytes > 0 do
  local count = math.min(most - #found, 16)
  local read = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', count, 'STREAMS', KEYS[1], '>')
  if not read then break end
  for _, entry in ipairs(read[1][2]) do
    found[#found + 1] = {entry[1], '1', entry[2]}
    for _, value in ipairs(entry[2]) do bytes = bytes - #value end
  end
end
return found
";

/// Takes over deliveries that were idle for too long. One that becomes suspect with it is taken over alone,
/// and after all others: whoever dies of it shall not make others suspect. Arguments: the group, the
/// consumer, how long is too long in milliseconds, how many at most, after how many bytes it is enough, from
/// how many deliveries on an entry is suspect. Answers with id, number of deliveries and fields of each.
pub(super) const RECLAIM: &str = r"
local bytes, suspect_from, found, suspects = tonumber(ARGV[5]), tonumber(ARGV[6]), {}, {}
local function claim(pending)
  local entry = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], pending[1])[1]
  if entry and entry[2] then
    found[#found + 1] = {entry[1], tostring(pending[4] + 1), entry[2]}
    for _, value in ipairs(entry[2]) do bytes = bytes - #value end
  end
end
for _, pending in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], '-', '+', ARGV[4])) do
  if bytes <= 0 then break end
  if pending[4] + 1 >= suspect_from then
    suspects[#suspects + 1] = pending
  else
    claim(pending)
  end
end
for _, pending in ipairs(suspects) do
  if #found > 0 then break end
  claim(pending)
end
return found
";

/// Says that deliveries are being dealt with: they are not idle any more. Arguments: the group, the
/// consumer, ids.
pub(super) const KEEP: &str = r"
local call = {'XCLAIM', KEYS[1], ARGV[1], ARGV[2], '0'}
for at = 3, #ARGV do call[#call + 1] = ARGV[at] end
call[#call + 1] = 'JUSTID'
return #redis.call(unpack(call))
";

/// Removes entries, and their deliveries with them. Arguments: the group, ids.
pub(super) const DONE: &str = r"
redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, 2))
return redis.call('XDEL', KEYS[1], unpack(ARGV, 2))
";

/// Removes consumers that have no deliveries: a consumer that is removed takes its deliveries with it.
/// Arguments: the group, a consumer's name or nothing for all of them, how long they must have been idle in
/// milliseconds. Answers with how many were removed.
pub(super) const REMOVE: &str = r"
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local removed = 0
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local said = {}
  for at = 1, #consumer, 2 do said[consumer[at]] = consumer[at + 1] end
  local is_meant = ARGV[2] == '' or ARGV[2] == said['name']
  if is_meant and said['pending'] == 0 and said['idle'] >= tonumber(ARGV[3]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], said['name'])
    removed = removed + 1
  end
end
return removed
";
