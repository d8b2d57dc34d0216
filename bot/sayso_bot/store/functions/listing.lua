-- A rule may want a burst shown as one message. Its requests are due at their place like any others; what the place's listing shows is
-- kept beside them: the message, and which requests wait by what it says. One worker at a time brings it up to date.

local LIST_STATUSES = { 'approved', 'denied', 'expired', 'cancelled' }

-- begin_listing: take the lease of a place's listing and write the attempt down.
-- KEYS  list, listed, clock, blocked      ARGV  place, lease ms, operation, name of a new listing
-- Answers  ok, now, fence, name, post, attempts, lost at, perhaps at (each '' none), {count by status}, {id…} | later, now, ms (a second
--          where somebody else holds the lease: who does may be done much sooner than it lapses)
-- Prevents two listings of one place, more than one call a second for them, and a second post before a lost first one could be looked up.
-- `perhaps_at` is the last `lost_at` of which it is known what became of the message: what is due still and was asked here before may have
-- been on it. There is none to look up.
register('begin_listing', function(keys, a)
  local now = tick(keys[3])
  local f = redis.call('HMGET', keys[1], 'fence', 'lease_until', 'holder', 'post', 'tried_at', 'lost_at', 'not_before', 'attempts',
    'name', 'perhaps_at')
  local repeated = f[3] == a[3]
  local fence, attempts, lost_at, name = tonumber(f[1] or '0'), tonumber(f[8] or '0'), f[6] or '', f[9]
  if not repeated then
    local leased = tonumber(f[2] or '0') - now
    if leased > 0 then return { 'later', now, math.min(leased, 1000) } end
    local free = math.max(tonumber(f[7] or '0'), tonumber(redis.call('HGET', keys[4], a[1]) or '0'))
    if f[5] and not f[4] then free = math.max(free, tonumber(f[5]) + LOST_SECONDS * 1000) end
    if free > now then return { 'later', now, free - now } end
    fence, attempts, lost_at = fence + 1, attempts + 1, f[5] or ''
    if not f[4] and lost_at == '' then name = a[4] end
    redis.call('HSET', keys[1], 'fence', fence, 'attempts', attempts, 'holder', a[3], 'lost_at', lost_at, 'name', name,
      'tried_at', now)
  end
  redis.call('HSET', keys[1], 'lease_until', now + tonumber(a[2]))
  return { 'ok', now, fence, name, f[4] or '', attempts, lost_at, f[10] or '',
    redis.call('HMGET', keys[1], unpack(LIST_STATUSES)),
    redis.call('ZRANGE', keys[2], 0, -1) }
end)

-- renew_listing: hold the lease longer while a slow platform answers.
-- KEYS  list, clock      ARGV  fence, lease ms
-- Answers  ok | lost (somebody else holds it now, or it was given back)
register('renew_listing', function(keys, a)
  local now = tick(keys[2])
  local held = redis.call('HMGET', keys[1], 'fence', 'lease_until')
  if held[1] ~= a[1] or held[2] == '0' then return { 'lost', now } end
  redis.call('HSET', keys[1], 'lease_until', now + tonumber(a[2]))
  return { 'ok', now }
end)

-- listing_row: a request with the version of its card that is wanted now. Writes nothing.
-- KEYS  record, card, clock, epochs      ARGV  place
-- Answers  ok, now, light record, version, button, post ('' none), listed, keys of the story that were told, left ('1': it was moved
--          from this place, or ''), pause JSON ('' none), when it was tried of which nobody knows how it ended ('' none), since when it is
--          asked here ('' since it was made), whether its story is told here all the same ('1' or ''), place of the card to which it is
--          handed on where no list shows it ('' none) | none
register('listing_row', function(keys, a)
  local now = peek(keys[3])
  local f = redis.call('HMGET', keys[2], 'wanted', 'button', 'post', 'listed', 'told', 'tried_at', 'since', 'tells', 'teller')
  local place = redis.call('HGET', keys[1], 'place')
  if not f[1] or not place then return { 'none', now } end
  local _, paused = in_force(keys[4], '', '')
  return { 'ok', now, light(keys[1]), f[1], f[2], f[3] or '', f[4] or '', f[5] or '', place ~= a[1] and '1' or '',
    pause_of(paused, keys[1]) or '', f[6] or '', f[7] or '', f[8] or '', f[9] or '' }
end, { 'no-writes' })

-- listing_shown: the message shows this. With nothing left that waits the listing is closed, and the next request begins another.
-- KEYS  list, listed, clock, counters      ARGV  fence, post ('' none is needed), pause ms, how many begin to wait, their ids, then
--       id and status of each that waits no more ('' where it was moved away)
-- Answers  ok | lost (somebody else holds the lease: only a post that nobody knew of is recorded)
register('listing_shown', function(keys, a)
  local now = tick(keys[3])
  local f = redis.call('HMGET', keys[1], 'fence', 'post', 'lost_at')
  if f[1] ~= a[1] then
    if a[2] ~= '' and not f[2] then redis.call('HSET', keys[1], 'post', a[2]) end
    if a[2] ~= '' and f[2] and f[2] ~= a[2] then redis.call('HINCRBY', keys[4], 'doubles', 1) end
    return { 'lost', now }
  end
  local new = tonumber(a[4])
  for i = 5, 4 + new do redis.call('ZADD', keys[2], 0, a[i]) end
  for i = 5 + new, #a, 2 do
    local waited = redis.call('ZREM', keys[2], a[i]) == 1
    if waited and a[i + 1] ~= '' then redis.call('HINCRBY', keys[1], a[i + 1], 1) end
  end
  if f[3] and f[3] ~= '' then redis.call('HSET', keys[1], 'perhaps_at', f[3]) end
  redis.call('HDEL', keys[1], 'tried_at', 'lost_at', 'what', 'what_at')
  redis.call('HSET', keys[1], 'lease_until', 0, 'attempts', 0, 'not_before', now + tonumber(a[3]))
  if redis.call('EXISTS', keys[2]) == 1 then
    redis.call('HSET', keys[1], 'post', a[2])
  else
    redis.call('HDEL', keys[1], 'post', 'name', unpack(LIST_STATUSES))
  end
  return { 'ok', now }
end)

-- row_shown: a listing shows this version of a request, or nobody needs to see it.
-- What had happened before the first post is not told beside it, as in `posted`.
-- KEYS  of_request (18), then where another card is to tell the end the work and the post of its place
-- ARGV  id, place, version, post ('' none), keys of the story by now, id of the pause that it says ('' none), place of that card ('' none)
-- Answers  ok
register('row_shown', function(keys, a)
  local k = request_keys(keys)
  local id, place, version, post = a[1], a[2], tonumber(a[3]), a[4]
  local now = tick(k.clock)
  local f = redis.call('HMGET', k.post, 'wanted', 'post', 'posted')
  if not f[1] then return { 'ok', now } end
  if post ~= '' then
    redis.call('HSET', k.post, 'post', post, 'listed', 1)
    if not f[2] then
      if a[5] ~= '' then redis.call('HSET', k.post, 'told', a[5]) end
      journal(k.journal, 'posted', now, id, cjson.encode({ place = place, post = post }))
    end
  end
  redis.call('HSET', k.post, 'posted', math.max(version, tonumber(f[3])), 'attempts', 0, 'lease_until', 0,
    'paused', a[6])
  redis.call('HDEL', k.post, 'tried_at')
  if version < tonumber(f[1]) then
    if post ~= '' then calm(k, id, place) end
    again_at(k, id, place, now)
  elseif post == '' then
    finish_unseen(k, id, place)
    if a[7] ~= '' then hand_on(k, id, place, a[7], keys[19], keys[20], now) end
  else
    finish(k, id, place)
  end
  return { 'ok', now }
end)

-- listing_failed: try again later, as `failed` does for a card.
-- KEYS  list, clock, places, blocked, work      ARGV  fence, place, after ms, lost ('1' or ''), whole place ('1' or ''), gone ('1' or ''),
--       what it was ('' where the list was not tried)
-- Answers  ok | lost (somebody else holds the lease: nothing changed)
register('listing_failed', function(keys, a)
  local now = tick(keys[2])
  if redis.call('HGET', keys[1], 'fence') ~= a[1] then return { 'lost', now } end
  local at = now + tonumber(a[3])
  redis.call('HSET', keys[1], 'lease_until', 0, 'not_before', at)
  if a[4] ~= '1' then
    local lost_at = redis.call('HGET', keys[1], 'lost_at') or ''
    if lost_at == '' then
      redis.call('HDEL', keys[1], 'tried_at')
    else
      redis.call('HSET', keys[1], 'tried_at', lost_at)
    end
  end
  if a[7] ~= '' then redis.call('HSET', keys[1], 'what', a[7], 'what_at', now) end
  if a[6] == '1' then
    local lost_at = redis.call('HGET', keys[1], 'lost_at') or ''
    if lost_at ~= '' then redis.call('HSET', keys[1], 'perhaps_at', lost_at) end
    redis.call('HDEL', keys[1], 'post', 'tried_at', 'lost_at')
  end
  if a[5] == '1' and tonumber(redis.call('HGET', keys[4], a[2]) or '0') < at then
    redis.call('HSET', keys[4], a[2], at)
    touch_place(keys[3], keys[4], keys[5], a[2])
  end
  return { 'ok', now }
end)

-- put_off: what waits for the listing is due when that may be shown again.
-- KEYS  work, places, blocked, clock      ARGV  place, ms, id…
-- Answers  ok
register('put_off', function(keys, a)
  local now = tick(keys[4])
  for i = 3, #a do redis.call('ZADD', keys[1], 'XX', now + tonumber(a[2]), a[i]) end
  touch_place(keys[2], keys[3], keys[1], a[1])
  return { 'ok', now }
end)
