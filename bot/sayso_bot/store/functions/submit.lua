-- submit: make a request once, with its deadline, indexes, delivery hint and journal entry.
-- KEYS  what all that are alike share: of_alike (14); its own: record, post, button, idempotency
-- ARGV  its own: id, button token, body digest, body JSON, brief ('' where the body is small), journal JSON;
--       what all that are alike share: keys epoch, policy epoch, routes epoch, agent, action, status, timeout ms ('' none), place
--       ('' none), cause, reason JSON, rate, burst, pending quota, bytes quota, idempotent ('1' or ''), schema version, when the route
--       that was used ends ('' never, or none was), JSON of where that has it asked ('' none), e-mail address to which the key is
--       bound ('' none), ms between two posts at a place that is slow ('' where it has no card of its own, but a list shows it)
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
    clock = keys[1], epochs = keys[2], journal = keys[3], deadlines = keys[4], places = keys[5], blocked = keys[6],
    by_status = keys[9], usage = keys[12], work = keys[14], record = keys[15], post = keys[16],
  }
  local counters, all, by_agent, by_action, rate, button, idempotency =
    keys[7], keys[8], keys[10], keys[11], keys[13], keys[17], keys[18]
  local id, token, digest, body, brief, note = unpack(a, 1, 6)
  local keys_epoch, policy_epoch, routes_epoch, agent, action, status, timeout, place, cause, reason = unpack(a, 7, 16)
  local per_second, burst, most_pending, most_bytes = tonumber(a[17]), tonumber(a[18]), tonumber(a[19]), tonumber(a[20])
  local is_idempotent, version, route_ends, moved, principal, pace = a[21] == '1', unpack(a, 22, 26)
  local now = tick(k.clock)
  if redis.call('EXISTS', k.record) == 1 then return answer('made', k.record, now) end
  local current, paused = in_force(k.epochs, keys_epoch, policy_epoch, routes_epoch)
  if not current or (route_ends ~= '' and tonumber(route_ends) <= now) then return { 'again', now } end
  local wait = take_token(rate, per_second, burst, now)
  if wait then return { 'rate', now, wait } end
  if is_idempotent then
    local earlier = redis.call('GET', idempotency)
    if earlier then return { 'earlier', now, earlier } end
  end
  local pause = pause_over(paused, agent, action)
  if pause then return { 'paused', now, pause } end
  local bytes = #body + #brief
  if status == 'pending' then
    local usage = redis.call('HMGET', k.usage, 'pending', 'bytes')
    local pending, used = (tonumber(usage[1]) or 0) + 1, (tonumber(usage[2]) or 0) + bytes
    if pending > most_pending then return { 'pending', now } end
    if used > most_bytes then return { 'bytes', now } end
    redis.call('HSET', k.usage, 'pending', pending, 'bytes', used)
  end
  local seq = redis.call('HINCRBY', counters, 'seq', 1)
  redis.call('HINCRBY', counters, 'bytes', bytes)
  local fields = { 'v', version, 'id', id, 'seq', seq, 'status', status, 'revision', 1, 'agent', agent, 'action', action,
    'created_at', now, 'bytes', bytes, 'place', place, 'body', body, 'digest', digest, 'votes', '' }
  if moved ~= '' then
    fields[#fields + 1] = 'moved'
    fields[#fields + 1] = moved
  end
  if timeout ~= '' then
    fields[#fields + 1] = 'expires_at'
    fields[#fields + 1] = now + tonumber(timeout)
  end
  if brief ~= '' then
    fields[#fields + 1] = 'brief:1'
    fields[#fields + 1] = brief
  end
  if principal ~= '' then
    fields[#fields + 1] = 'principal'
    fields[#fields + 1] = principal
  end
  redis.call('HSET', k.record, unpack(fields))
  if is_idempotent then redis.call('SET', idempotency, id) end
  redis.call('ZADD', all, seq, id)
  redis.call('ZADD', by_agent, seq, id)
  redis.call('ZADD', by_action, seq, id)
  redis.call('ZADD', k.by_status, seq, id)
  journal(k.journal, 'submitted', now, id, note)
  local tag = tag_of(k.record)
  if status == 'pending' then
    if timeout ~= '' then redis.call('ZADD', k.deadlines, now + tonumber(timeout), id) end
    if place ~= '' then
      redis.call('SET', button, id .. ' 1 ' .. place)
      local card = { 'button', token, 'wanted', 1, 'posted', 0, 'fence', 0, 'attempts', 0 }
      local turn, due = nil, nil
      if pace ~= '' then turn, due = turn_behind(k, place, tonumber(pace), now) end
      if turn then
        card[#card + 1] = 'turn'
        card[#card + 1] = turn
      end
      redis.call('HSET', k.post, unpack(card))
      put_in_outbox(k, id, place, due or now, tag)
    end
  else
    local decision = '{"outcome":"' .. status .. '","cause":"' .. cause .. '","at":' .. string.format('%d', now)
      .. ',"reason":' .. reason .. '}'
    redis.call('HSET', k.record, 'decision', decision)
    journal(k.journal, 'settled', now, id, decision)
  end
  redis.call('PUBLISH', tag .. 'changes', 'submitted ' .. id)
  return { 'new', now, seq, timeout ~= '' and now + tonumber(timeout) or '' }
end)
