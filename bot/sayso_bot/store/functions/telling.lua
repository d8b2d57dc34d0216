-- Whom an agent's key is bound to is told how each of its requests ended, wherever people answered. `settle` (prelude.lua) enters the
-- request; these take one at a time, and know whether an earlier attempt may have told it already.

-- begin_telling: take one and write the attempt down. Nobody else takes it while Slack may still carry out what this attempt sends.
-- KEYS  record, telling, tellings, clock      ARGV  id, operation
-- Answers  ok, now, light record, attempts, perhaps ('1': an earlier attempt may have told it) | done | later
-- Prevents two workers at one, and a second message before a lost first one could be looked up.
register('begin_telling', function(keys, a)
  local now = tick(keys[4])
  local due = tonumber(redis.call('ZSCORE', keys[3], a[1]) or '')
  if not due then return { 'done', now } end
  local f = redis.call('HMGET', keys[2], 'holder', 'attempts', 'tried', 'perhaps')
  local attempts, perhaps = tonumber(f[2] or '0'), f[4] or ''
  if f[1] ~= a[2] then
    if due > now then return { 'later', now } end
    attempts, perhaps = attempts + 1, f[3] or ''
    redis.call('HSET', keys[2], 'holder', a[2], 'attempts', attempts, 'tried', '1', 'perhaps', perhaps)
    redis.call('ZADD', keys[3], now + LOST_SECONDS * 1000, a[1])
  end
  return { 'ok', now, light(keys[1]), attempts, perhaps }
end)

-- end_telling: they were told, or cannot be.
-- KEYS  telling, tellings, clock, journal      ARGV  id, message ('' none), journal JSON
-- Answers  ok (by an earlier call too)
register('end_telling', function(keys, a)
  local now = tick(keys[3])
  if redis.call('ZREM', keys[2], a[1]) == 1 and a[2] ~= '' then journal(keys[4], 'told', now, a[1], a[3]) end
  redis.call('DEL', keys[1])
  return { 'ok', now }
end)

-- telling_failed: try again later, and where the answer was lost not before it can be looked up. An attempt that certainly told
-- nothing leaves what was known before it.
-- KEYS  telling, tellings, clock      ARGV  id, operation, after ms, lost ('1' or '')
-- Answers  ok | lost (somebody else has taken it: nothing changed)
register('telling_failed', function(keys, a)
  local now = tick(keys[3])
  if redis.call('HGET', keys[1], 'holder') ~= a[2] then return { 'lost', now } end
  local after = tonumber(a[3])
  if a[4] == '1' then
    after = math.max(after, LOST_SECONDS * 1000)
  else
    redis.call('HSET', keys[1], 'tried', redis.call('HGET', keys[1], 'perhaps'))
  end
  redis.call('ZADD', keys[2], 'XX', now + after, a[1])
  return { 'ok', now }
end)
