-- edit: somebody who may answer changes the params. The revision goes up, so that every vote and button made before names
-- another one: votes stay on the record and count for nothing, and a tap on an old card is stale.
-- KEYS  of_request (18), counters, button of the new revision
-- ARGV  keys epoch, policy epoch, operation, revision that it changes ('' where the caller saw another, or an end), person and fingerprint (what the operation did), edit
--       JSON (the new params and their fingerprint), button token, journal JSON, brief
-- Answers  ok, record | replay, record | again | missing | settled, record | stale, record | paused, record, pause JSON
-- Prevents two edits of one revision, an edit after the end, and a vote that counts for params that its voter was not shown.
register('edit', function(keys, a)
  local k = request_keys(keys)
  local counters, button = keys[19], keys[20]
  local now = tick(k.clock)
  local r = load_request(k.record)
  if not r then return { 'missing', now } end
  local operation = 'operation:edit:' .. a[3]
  if redis.call('HGET', k.record, operation) == a[5] then return answer('replay', k.record, now) end
  local current, paused = in_force(k.epochs, a[1], a[2])
  if not current or is_elsewhere(k, r) then return { 'again', now } end
  expire_if_due(k, r, now)
  if r.status ~= 'pending' then return answer('settled', k.record, now) end
  if r.revision ~= a[4] then return answer('stale', k.record, now) end
  local pause = pause_of(paused, k.record)
  if pause then return answer('paused', k.record, now, pause) end

  local old = 'brief:' .. r.revision
  local line = '{"at":' .. string.format('%d', now) .. ',' .. string.sub(a[8], 2)
  local grown = #a[6] - redis.call('HSTRLEN', k.record, 'edit') + #a[9] - redis.call('HSTRLEN', k.record, old) + #line + 1
  redis.call('HSET', k.record, 'edit', a[6], old, a[9], operation, a[5], 'bytes', r.bytes + grown)
  turn_revision(k, r, button, a[7])
  redis.call('HINCRBY', k.usage, 'bytes', grown)
  redis.call('HINCRBY', counters, 'bytes', grown)
  journal(k.journal, 'edited', now, r.id, a[8])
  local edits = redis.call('HGET', k.record, 'edits')
  redis.call('HSET', k.record, 'edits', edits and edits .. '\n' .. line or line)
  local tag = tag_of(k.record)
  want_card(k, r.id, r.place, now, tag)
  redis.call('PUBLISH', tag .. 'changes', 'edited ' .. r.id)
  return answer('ok', k.record, now)
end)
