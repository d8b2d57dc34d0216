local function is_due(status, expires_at, now)
  return status == 'pending' and expires_at and tonumber(expires_at) <= now
end

local function as_it_stands(record, now, found)
  if not found[1] then return { 'missing', now } end
  local state = redis.call('HMGET', record, 'status', 'expires_at')
  return { is_due(state[1], state[2], now) and 'due' or 'ok', now, found }
end

-- read: a request as it stands, with the time. Writes nothing.
-- KEYS  record, clock, epochs      ARGV  keys epoch, policy epoch ('' unchecked)
-- Answers  ok, record | due, record (its deadline has passed: call expire, then this again) | again | missing
register('read', function(keys, a)
  local now = peek(keys[2])
  if not in_force(keys[3], a[1], a[2]) then return { 'again', now } end
  return as_it_stands(keys[1], now, redis.call('HGETALL', keys[1]))
end, { 'no-writes' })

-- pending: whose request it is, as long as it has not ended and is not due. Writes nothing.
-- KEYS  record, clock, epochs      ARGV  keys epoch, policy epoch ('' unchecked)
-- Answers  ok, now, agent, schema version | ok, now (it has ended, is due, or is none) | again
register('pending', function(keys, a)
  local now = peek(keys[2])
  if not in_force(keys[3], a[1], a[2]) then return { 'again', now } end
  local f = redis.call('HMGET', keys[1], 'status', 'expires_at', 'agent', 'v')
  if f[1] ~= 'pending' or is_due(f[1], f[2], now) then return { 'ok', now } end
  return { 'ok', now, f[3], f[4] }
end, { 'no-writes' })

-- glance: what `read` answers, for a list, however large the request is. Writes nothing.
-- KEYS  record, clock
-- Answers  ok, light record | due, light record | missing
register('glance', function(keys, a)
  return as_it_stands(keys[1], peek(keys[2]), light(keys[1]))
end, { 'no-writes' })

-- list: ids and seqs of requests that are in all the given indexes, newest first, below a seq. Writes nothing.
-- KEYS  epochs, one index or more
-- ARGV  keys epoch, policy epoch ('' unchecked), cursor seq ('' from the newest), limit, most entries to look at
-- Answers  ok, {id, seq, …}, seq where the look ended ('' when there is no more) | again
-- The smallest index is walked and the others are asked, so the work is bounded whatever the sizes.
register('list', function(keys, a)
  if not in_force(keys[1], a[1], a[2]) then return { 'again' } end
  local smallest, size = 2, nil
  for i = 2, #keys do
    local n = redis.call('ZCARD', keys[i])
    if not size or n < size then smallest, size = i, n end
  end
  local limit, bound = tonumber(a[4]), tonumber(a[5])
  local from = a[3] == '' and '+inf' or '(' .. a[3]
  local walked = redis.call('ZRANGE', keys[smallest], from, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, bound, 'WITHSCORES')
  local found, last = {}, ''
  for i = 1, #walked, 2 do
    local everywhere = true
    for j = 2, #keys do
      if j ~= smallest and not redis.call('ZSCORE', keys[j], walked[i]) then everywhere = false end
    end
    if everywhere then
      found[#found + 1] = walked[i]
      found[#found + 1] = walked[i + 1]
    end
    last = walked[i + 1]
    if #found >= limit * 2 then return { 'ok', found, last } end
  end
  if #walked < bound * 2 then last = '' end
  return { 'ok', found, last }
end, { 'no-writes' })

-- due_requests: pending requests whose deadline has passed, and when the next one does. Writes nothing.
-- KEYS  deadlines, clock      ARGV  limit
-- Answers  ok, now, {id…}, ms of the next deadline ('' none)
register('due_requests', function(keys, a)
  local now = peek(keys[2])
  local due = redis.call('ZRANGE', keys[1], '-inf', now, 'BYSCORE', 'LIMIT', 0, tonumber(a[1]))
  local next = redis.call('ZRANGE', keys[1], '(' .. now, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
  return { 'ok', now, due, next[2] or '' }
end, { 'no-writes' })
