-- move: a card that cannot be shown at its place goes to the rule's fallback, with a button of its own. The alarm of the place that
-- it leaves stays until the card is shown at the other one; the journal keeps both. Buttons made before stay known. A card that an
-- earlier attempt may have left behind is looked up there later, so that it says where the request went; so does, at once, one that was
-- shown elsewhere before an admin had it asked here.
-- KEYS  of_request (18) of the place that it leaves, work and post of the other place, button
-- ARGV  id, from, to, fence, button token ('' where nothing is posted there, as in the inbox), what the place said, by
-- Answers  ok (by an earlier call too) | lost (somebody else holds the lease) | settled | shown (a post is known) | missing
-- Prevents a card at two places: of a worker whose lease lapsed, beside a post that a tap made known, and after the end.
register('move', function(keys, a)
  local k = request_keys(keys)
  local id, from, to, what = a[1], a[2], a[3], a[6]
  local there = { place = to, record = k.record, work = keys[19], post = keys[20], places = k.places, blocked = k.blocked }
  local now = tick(k.clock)
  local r = load_request(k.record)
  if not r then return { 'missing', now } end
  if r.place == to then return { 'ok', now } end
  if r.place ~= from or redis.call('HGET', k.post, 'fence') ~= a[4] then return { 'lost', now } end
  expire_if_due(k, r, now)
  if r.status ~= 'pending' then return { 'settled', now } end
  if redis.call('HEXISTS', k.post, 'post') == 1 then return { 'shown', now } end

  redis.call('HSET', k.record, 'place', to)
  redis.call('HDEL', k.record, 'moved')
  local lost_at = redis.call('HGET', k.post, 'lost_at') or ''
  redis.call('HSET', k.post, 'lease_until', 0, 'what', what)
  if lost_at == '' then
    redis.call('HDEL', k.post, 'tried_at')
    if redis.call('HEXISTS', k.post, 'teller') == 1 then again_at(k, id, from, now) else leave(k, id, from) end
  else
    redis.call('HSET', k.post, 'tried_at', lost_at)
    again_at(k, id, from, now + LOST_SECONDS * 1000)
  end
  local alarm = id .. ' ' .. from
  if redis.call('ZADD', k.alarms, 'NX', now, alarm) == 1 then
    journal(k.journal, 'undeliverable', now, id, cjson.encode({ place = from, what = what }))
  end
  journal(k.journal, 'moved', now, id, cjson.encode({ from = from, to = to, why = what, by = a[7] }))
  local tag = tag_of(k.record)
  if a[5] == '' then
    redis.call('ZREM', k.alarms, alarm)
  else
    redis.call('HSET', there.post, 'from', from)
    ask_at(there, r, keys[21], a[5], now, tag)
  end
  name_teller(k, from, there)
  redis.call('PUBLISH', tag .. 'changes', 'moved ' .. id)
  return { 'ok', now }
end)
