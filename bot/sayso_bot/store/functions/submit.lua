-- submit: make a request once, with its deadline, indexes, delivery hint and journal entry.
-- KEYS  of_new (11), counters, index:all, index:agent, index:action, rate, idempotency, button
-- ARGV  keys epoch, policy epoch, id, agent, action, status, timeout ms ('' none), body JSON, body digest, place ('' none),
--       button token, cause, reason JSON, journal JSON, rate, burst, pending quota, bytes quota, idempotent ('1' or ''), schema version,
--       routes epoch, when the route that was used ends ('' never, or none was), JSON of where that has it asked ('' none),
--       brief ('' where the body is small), e-mail address to which the key is bound ('' none), ms between two posts at a place that is
--       slow ('' where it has no card of its own, but a list shows it)
-- Answers  new, seq, expires at | made (this very call took effect before) | earlier, id | again | rate, ms | paused, pause JSON
--          | pending | bytes
-- Prevents two requests for one Idempotency-Key, however the calls race, and a request under a key, policy or route just withdrawn,
-- or under a route whose time is over.

local function take_token(rate_key, rate, burst, now)
  local bucket = redis.call('HMGET', rate_key, 'tokens', 'at')
  local tokens, at = tonumber(bucket[1]) or burst, tonumber(bucket[2]) or now
  tokens = math.min(burst, tokens + (now - at) * rate / 1000)
  if tokens < 1 then return math.ceil((1 - tokens) * 1000 / rate) end
  redis.call('HSET', rate_key, 'tokens', tostring(tokens - 1), 'at', now)
  -- its lifetime has a second to spare, so it need not be told more often
  if math.floor(at / 1000) ~= math.floor(now / 1000) or not bucket[2] then
    redis.call('PEXPIRE', rate_key, math.ceil(burst * 1000 / rate) + 1000)
  end
  return nil
end

register('submit', function(keys, a)
  local k = {
    record = keys[1], clock = keys[2], epochs = keys[3], journal = keys[4], deadlines = keys[5], places = keys[6],
    blocked = keys[7], by_status = keys[8], usage = keys[9], work = keys[10], post = keys[11],
  }
  local counters, all, by_agent, by_action, rate, idempotency, button =
    keys[12], keys[13], keys[14], keys[15], keys[16], keys[17], keys[18]
  local id, status, timeout, body, digest, place = a[3], a[6], a[7], a[8], a[9], a[10]
  local now = tick(k.clock)
  if redis.call('EXISTS', k.record) == 1 then return answer('made', k.record, now) end
  local current, paused = in_force(k.epochs, a[1], a[2], a[21])
  if not current or (a[22] ~= '' and tonumber(a[22]) <= now) then return { 'again', now } end
  local wait = take_token(rate, tonumber(a[15]), tonumber(a[16]), now)
  if wait then return { 'rate', now, wait } end
  if a[19] == '1' then
    local earlier = redis.call('GET', idempotency)
    if earlier then return { 'earlier', now, earlier } end
  end
  local pause = pause_over(paused, a[4], a[5])
  if pause then return { 'paused', now, pause } end
  local bytes = #body + #a[24]
  if status == 'pending' then
    local usage = redis.call('HMGET', k.usage, 'pending', 'bytes')
    local pending, used = (tonumber(usage[1]) or 0) + 1, (tonumber(usage[2]) or 0) + bytes
    if pending > tonumber(a[17]) then return { 'pending', now } end
    if used > tonumber(a[18]) then return { 'bytes', now } end
    redis.call('HSET', k.usage, 'pending', pending, 'bytes', used)
  end
  local seq = redis.call('HINCRBY', counters, 'seq', 1)
  redis.call('HINCRBY', counters, 'bytes', bytes)
  local fields = { 'v', a[20], 'id', id, 'seq', seq, 'status', status, 'revision', 1, 'agent', a[4], 'action', a[5],
    'created_at', now, 'bytes', bytes, 'place', place, 'body', body, 'digest', digest, 'votes', '' }
  if a[23] ~= '' then
    fields[#fields + 1] = 'moved'
    fields[#fields + 1] = a[23]
  end
  if timeout ~= '' then
    fields[#fields + 1] = 'expires_at'
    fields[#fields + 1] = now + tonumber(timeout)
  end
  if a[24] ~= '' then
    fields[#fields + 1] = 'brief:1'
    fields[#fields + 1] = a[24]
  end
  if a[25] ~= '' then
    fields[#fields + 1] = 'principal'
    fields[#fields + 1] = a[25]
  end
  redis.call('HSET', k.record, unpack(fields))
  if a[19] == '1' then redis.call('SET', idempotency, id) end
  redis.call('ZADD', all, seq, id)
  redis.call('ZADD', by_agent, seq, id)
  redis.call('ZADD', by_action, seq, id)
  redis.call('ZADD', k.by_status, seq, id)
  journal(k.journal, 'submitted', now, id, a[14])
  local tag = tag_of(k.record)
  if status == 'pending' then
    if timeout ~= '' then redis.call('ZADD', k.deadlines, now + tonumber(timeout), id) end
    if place ~= '' then
      redis.call('SET', button, id .. ' 1 ' .. place)
      local card = { 'button', a[11], 'wanted', 1, 'posted', 0, 'fence', 0, 'attempts', 0 }
      local turn, due = nil, nil
      if a[26] ~= '' then turn, due = turn_behind(k, place, tonumber(a[26]), now) end
      if turn then
        card[#card + 1] = 'turn'
        card[#card + 1] = turn
      end
      redis.call('HSET', k.post, unpack(card))
      put_in_outbox(k, id, place, due or now, tag)
    end
  else
    local decision = '{"outcome":"' .. status .. '","cause":"' .. a[12] .. '","at":' .. string.format('%d', now)
      .. ',"reason":' .. a[13] .. '}'
    redis.call('HSET', k.record, 'decision', decision)
    journal(k.journal, 'settled', now, id, decision)
  end
  redis.call('PUBLISH', tag .. 'changes', 'submitted ' .. id)
  return { 'new', now, seq, timeout ~= '' and now + tonumber(timeout) or '' }
end)
