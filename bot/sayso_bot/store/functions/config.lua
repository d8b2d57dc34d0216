-- put_key: create or replace a key of agents. A new epoch makes every replica read the keys again before it trusts them.
-- A revoked key stays revoked, so a call that is repeated late cannot bring one back.
-- KEYS  keys, clock, epochs, journal      ARGV  key id, key JSON, kind of journal entry, journal JSON
-- Answers  ok | same (this very call took effect before) | revoked (nothing was changed)
register('put_key', function(keys, a)
  local now = tick(keys[2])
  local present = redis.call('HGET', keys[1], a[1])
  if present == a[2] then return { 'same', now } end
  if present and cjson.decode(present).revoked_at ~= cjson.null then return { 'revoked', now } end
  redis.call('HSET', keys[1], a[1], a[2])
  local epoch = redis.call('HINCRBY', keys[3], 'keys', 1)
  journal(keys[4], a[3], now, '', a[4])
  redis.call('PUBLISH', tag_of(keys[1]) .. 'config', 'keys ' .. epoch)
  return { 'ok', now }
end)

-- activate: put a policy document in force, if the one that it replaces still is.
-- KEYS  policy, clock, epochs, journal      ARGV  digest, document, digest that it replaces ('' none), journal JSON
-- Answers  ok | same (already active) | moved, active digest
-- Prevents two replicas with different files from undoing one another, and a lost update between two admins.
register('activate', function(keys, a)
  local now = tick(keys[2])
  local active = redis.call('HGET', keys[1], 'active') or ''
  if active == a[1] then return { 'same', now } end
  if active ~= a[3] then return { 'moved', now, active } end
  redis.call('HSET', keys[1], 'active', a[1], 'doc:' .. a[1], a[2])
  local epoch = redis.call('HINCRBY', keys[3], 'policy', 1)
  journal(keys[4], 'policy_activated', now, '', a[4])
  redis.call('PUBLISH', tag_of(keys[1]) .. 'config', 'policy ' .. epoch)
  return { 'ok', now }
end)

-- note: write something in the journal that changes nothing else, such as a refusal.
-- KEYS  journal, clock      ARGV  kind, request id, journal JSON
register('note', function(keys, a)
  local now = tick(keys[2])
  journal(keys[1], a[1], now, a[2], a[3])
  return { 'ok', now }
end)

-- configuration: what is in force, in one look. Writes nothing.
-- KEYS  epochs, keys, policy, pause      ARGV  digest that the caller has compiled ('' none)
-- Answers  ok, keys epoch, policy epoch, {key id, key JSON, …}, active digest ('' none), document ('' when the caller has it),
--          {by, why, since ms} of the pause, empty while there is none
register('configuration', function(keys, a)
  local epochs = redis.call('HMGET', keys[1], 'keys', 'policy')
  local active = redis.call('HGET', keys[3], 'active') or ''
  local document = ''
  if active ~= '' and active ~= a[1] then document = redis.call('HGET', keys[3], 'doc:' .. active) end
  local pause = redis.call('HMGET', keys[4], 'by', 'why', 'since')
  if not pause[3] then pause = {} end
  return { 'ok', epochs[1] or '0', epochs[2] or '0', redis.call('HGETALL', keys[2]), active, document, pause }
end, { 'no-writes' })
