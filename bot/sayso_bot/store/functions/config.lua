local function turn_keys(keys)
  local epoch = redis.call('HINCRBY', keys[3], 'keys', 1)
  redis.call('PUBLISH', tag_of(keys[1]) .. 'config', 'keys ' .. epoch)
end

-- put_keys: create or replace keys, all of one deed together. A new epoch makes every replica read the keys again before it trusts
-- them. A revoked key stays revoked, so a call that is repeated late cannot bring one back.
-- KEYS  keys, clock, epochs, journal      ARGV  keys epoch, policy epoch under which an admin was proved ('' none was); for each
--       key: id, JSON, kind of journal entry, journal JSON, '1' where it must be a new one
-- Answers  ok | same (this very call took effect before) | made (an earlier call made it otherwise) | revoked | again; of the last
--          three nothing was changed
register('put_keys', function(keys, a)
  local now = tick(keys[2])
  local is_new = false
  for i = 3, #a, 5 do
    if redis.call('HGET', keys[1], a[i]) ~= a[i + 1] then is_new = true end
  end
  if not is_new then return { 'same', now } end
  if not in_force(keys[3], a[1], a[2]) then return { 'again', now } end
  for i = 3, #a, 5 do
    local present = redis.call('HGET', keys[1], a[i])
    if present and a[i + 4] == '1' then return { 'made', now } end
    if present and cjson.decode(present).revoked_at ~= cjson.null then return { 'revoked', now } end
  end
  for i = 3, #a, 5 do
    redis.call('HSET', keys[1], a[i], a[i + 1])
    journal(keys[4], a[i + 2], now, '', a[i + 3])
  end
  turn_keys(keys)
  return { 'ok', now }
end)

-- lapse_keys: revoke keys whose time is over.
-- KEYS  keys, clock, epochs, journal      ARGV  for each: id, when it lapses, its JSON as a revoked key's, journal JSON
-- Answers  ok, now, how many
register('lapse_keys', function(keys, a)
  local now = tick(keys[2])
  local count = 0
  for i = 1, #a, 4 do
    local present = redis.call('HGET', keys[1], a[i])
    if present and tonumber(a[i + 1]) <= now and cjson.decode(present).revoked_at == cjson.null then
      redis.call('HSET', keys[1], a[i], a[i + 2])
      journal(keys[4], 'key_revoked', now, '', a[i + 3])
      count = count + 1
    end
  end
  if count > 0 then turn_keys(keys) end
  return { 'ok', now, count }
end)

-- note_use: these keys were used lately. Callers gather what they note, so the time is that of the writing.
-- KEYS  used, clock      ARGV  key id…
register('note_use', function(keys, a)
  local now = tick(keys[2])
  for _, id in ipairs(a) do redis.call('HSET', keys[1], id, now) end
  return { 'ok', now }
end)

-- activate: put a policy document in force, if the one that it replaces still is, write down by whom, and have it announced.
-- KEYS  policy, clock, epochs, journal, places, blocked, then three for each notice (`announce`)
-- ARGV  digest, document, digest that it replaces ('' none), JSON about it, operation, keys epoch, policy epoch under which an admin
--       was proved ('' none was), then three for each notice
-- Answers  again | ok, its number (the same for the same operation, however late) | same (already active), number of the latest
--          | moved, active digest
-- Prevents two replicas with different files from undoing one another, a lost update between two admins, and a policy that nobody
-- is told of.
register('activate', function(keys, a)
  local now = tick(keys[2])
  local found = redis.call('HMGET', keys[1], 'active', 'versions', 'operation:' .. a[5])
  local active, number = found[1] or '', tonumber(found[2] or '0')
  if found[3] then return { 'ok', now, tonumber(found[3]) } end
  if not in_force(keys[3], a[6], a[7]) then return { 'again', now } end
  if active == a[1] then return { 'same', now, number } end
  if active ~= a[3] then return { 'moved', now, active } end
  local latest = redis.call('HGET', keys[1], 'version:' .. number)
  if active ~= '' and not (latest and cjson.decode(latest).digest == active) then  -- by a Sayso that counted no versions
    number = number + 1
    redis.call('HSET', keys[1], 'version:' .. number,
      '{"number":' .. number .. ',"at":null,"digest":' .. cjson.encode(active) .. ',"replaces":null}')
  end
  number = number + 1
  local entry = '{"number":' .. number .. ',"at":' .. string.format('%d', now) .. ',' .. string.sub(a[4], 2)
  redis.call('HSET', keys[1], 'active', a[1], 'doc:' .. a[1], a[2], 'versions', number, 'version:' .. number, entry,
    'operation:' .. a[5], number)
  local epoch = redis.call('HINCRBY', keys[3], 'policy', 1)
  journal(keys[4], 'policy_activated', now, '', entry)
  announce(keys, 7, a, 8, keys[5], keys[6], now)
  redis.call('PUBLISH', tag_of(keys[1]) .. 'config', 'policy ' .. epoch)
  return { 'ok', now, number }
end)

-- versions: each time that a document was put in force, newest first. Writes nothing.
-- KEYS  policy      ARGV  number below which to begin ('' at the newest), how many
-- Answers  ok, active digest ('' none), number of the latest, {JSON of each}
register('versions', function(keys, a)
  local found = redis.call('HMGET', keys[1], 'active', 'versions')
  local latest = tonumber(found[2] or '0')
  local from, names = math.min(latest, (tonumber(a[1]) or latest + 1) - 1), {}
  for number = from, math.max(1, from - tonumber(a[2]) + 1), -1 do names[#names + 1] = 'version:' .. number end
  local entries = #names > 0 and redis.call('HMGET', keys[1], unpack(names)) or {}
  return { 'ok', found[1] or '', latest, entries }
end, { 'no-writes' })

-- note: write something in the journal that changes nothing else, such as a refusal.
-- KEYS  journal, clock      ARGV  kind, request id, journal JSON
register('note', function(keys, a)
  local now = tick(keys[2])
  journal(keys[1], a[1], now, a[2], a[3])
  return { 'ok', now }
end)

-- configuration: what is in force, in one look. Writes nothing.
-- KEYS  epochs, keys, policy, pause, routes, channels, clock      ARGV  digest that the caller has compiled ('' none)
-- Answers  ok, now, {epoch of keys, policy, routes}, {key id, key JSON, …}, active digest ('' none), document ('' when the caller
--          has it), pauses (a JSON text a line), {by, why, since ms} of a pause of the whole book (empty while there is none),
--          {route JSON…}, {channel JSON…}
register('configuration', function(keys, a)
  local epochs = redis.call('HMGET', keys[1], 'keys', 'policy', 'routes', 'pauses')
  local active = redis.call('HGET', keys[3], 'active') or ''
  local document = ''
  if active ~= '' and active ~= a[1] then document = redis.call('HGET', keys[3], 'doc:' .. active) end
  local pause = redis.call('HMGET', keys[4], 'by', 'why', 'since')
  if not pause[3] then pause = {} end
  return { 'ok', peek(keys[7]), { epochs[1] or '0', epochs[2] or '0', epochs[3] or '0' }, redis.call('HGETALL', keys[2]), active,
    document, epochs[4] or '', pause, redis.call('HVALS', keys[5]), redis.call('HVALS', keys[6]) }
end, { 'no-writes' })
