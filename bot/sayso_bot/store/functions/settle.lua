-- cancel: the agent withdraws.
-- KEYS  of_request (18)      ARGV  keys epoch, policy epoch, operation
-- Answers  ok, record | again | missing | settled, record
-- Prevents a cancellation after a decision; the same operation again gets the same answer.
register('cancel', function(keys, a)
  local k = request_keys(keys)
  local now = tick(k.clock)
  local r = load_request(k.record)
  if not r then return { 'missing', now } end
  if redis.call('HGET', k.record, 'operation:' .. a[3]) then return answer('ok', k.record, now) end
  if not in_force(k.epochs, a[1], a[2]) or is_elsewhere(k, r) then return { 'again', now } end
  expire_if_due(k, r, now)
  if r.status ~= 'pending' then return answer('settled', k.record, now) end
  redis.call('HSET', k.record, 'operation:' .. a[3], 'cancel')
  settle(k, r, 'cancelled', 'agent', 'null', now)
  return answer('ok', k.record, now)
end)

-- expire: end a request whose deadline has passed. Repeating it changes nothing, so it needs no operation id.
-- KEYS  of_request (18)
-- Answers  ended, record (by this very call) | ok, record (settled before, or the deadline is ahead) | missing
--          | elsewhere, record (moved since its caller saw it: nothing was changed)
register('expire', function(keys, a)
  local k = request_keys(keys)
  local now = tick(k.clock)
  local r = load_request(k.record)
  if not r then return { 'missing', now } end
  if is_elsewhere(k, r) then return answer('elsewhere', k.record, now) end
  local before = r.status
  expire_if_due(k, r, now)
  return answer(r.status == before and 'ok' or 'ended', k.record, now)
end)
