-- Delivery compares, for each card at a place, the wanted version with the shown one. The hint that woke a worker carries nothing.
-- A fenced lease keeps one worker at one card; the attempt is written down before the network call; a lost answer is
-- remembered, so that nothing is posted again before the platform could be asked.

local PACED_SECONDS = 30     -- how long a place is given cards one by one after it asked us to wait

-- due_places: places with work to do now, and when the next one has some. Writes nothing.
-- KEYS  places, clock      ARGV  limit
-- Answers  ok, now, {place…}, ms of the next ('' none)
register('due_places', function(keys, a)
  local now = peek(keys[2])
  local due = redis.call('ZRANGE', keys[1], '-inf', now, 'BYSCORE', 'LIMIT', 0, tonumber(a[1]))
  local next = redis.call('ZRANGE', keys[1], '(' .. now, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
  return { 'ok', now, due, next[2] or '' }
end, { 'no-writes' })

-- due_work: requests whose card at this place is due, or will be soon, oldest first; none while the place wants us to wait. Writes
-- nothing.
-- KEYS  work, clock, blocked      ARGV  place, limit, how soon in ms
-- Answers  ok, now, {id…}
register('due_work', function(keys, a)
  local now = peek(keys[2])
  if tonumber(redis.call('HGET', keys[3], a[1]) or '0') > now then return { 'ok', now, {} } end
  return { 'ok', now, redis.call('ZRANGE', keys[1], '-inf', now + tonumber(a[3]), 'BYSCORE', 'LIMIT', 0, tonumber(a[2])) }
end, { 'no-writes' })

-- The card is shown here, or nobody needs it any more: no alarm of this place, nor of one that it was moved from.
local function calm(k, id, place)
  redis.call('ZREM', k.alarms, id .. ' ' .. place)
  local from = redis.call('HGET', k.post, 'from')
  if from then redis.call('ZREM', k.alarms, id .. ' ' .. from) end
end

local function leave(k, id, place)
  redis.call('ZREM', k.work, id)
  touch_place(k.places, k.blocked, k.work, place)
end

local function finish(k, id, place)
  calm(k, id, place)
  leave(k, id, place)
end

-- Nobody sees it here, and need not. While it is asked elsewhere, the alarm of this place stays until it is shown there.
local function finish_unseen(k, id, place)
  local request = redis.call('HMGET', k.record, 'status', 'place')
  if request[1] == 'pending' and request[2] ~= place then return leave(k, id, place) end
  finish(k, id, place)
end

-- Whether the story of a request that lies at `at` is told at `place`, and whether a place that never showed it has something to hand on:
-- that it ended, or is asked elsewhere now.
local function is_told(at, place, tells)
  return at == place or tells == '1'
end

local function has_news(status, is_told_here)
  return status ~= 'pending' or not is_told_here
end

-- No card was ever shown here, and this place is done with it. The last one that was, or may have been, before an admin had it asked
-- elsewhere, is where people look: it says how it ended, or where it is asked now. What would be told here is told in its thread.
local function hand_on(k, id, place, teller, work, post, now)
  local request, here = redis.call('HMGET', k.record, 'status', 'place'), redis.call('HMGET', k.post, 'post', 'tells')
  local is_told_here = is_told(request[2], place, here[2])
  if here[1] or not has_news(request[1], is_told_here) then return end
  local is_news = is_told_here and redis.call('HSETNX', post, 'tells', 1) or redis.call('HEXISTS', post, 'post')
  if is_news == 0 then return end
  local there = { record = k.record, work = work, post = post, places = k.places, blocked = k.blocked }
  want_card(there, id, teller, now, tag_of(k.record))
end

local function again_at(k, id, place, at)
  redis.call('ZADD', k.work, at, id)
  touch_place(k.places, k.blocked, k.work, place)
end

local function blocked_until(k, place)
  return tonumber(redis.call('HGET', k.blocked, place) or '0')
end

-- A card was refused for the place's pace, and may be tried again at `at`: it keeps its turn, which comes then, and so do all after it.
-- What is shown has no turn: those who wait are late when the place is free again.
local function slow_down(k, place, at, step, now)
  local pace, card = pace_of(k, place, step, now), redis.call('HMGET', k.post, 'turn', 'post')
  local turn = pace and tonumber(card[1] or '')
  pace = pace or { free = 0, last = 0, behind = 0 }
  pace.till = now + PACED_SECONDS * 1000
  if not card[2] then
    if turn then
      pace.behind = math.max(pace.behind, at - turn)
    else
      turn = at - pace.behind
      redis.call('HSET', k.post, 'turn', turn)
    end
    pace.free = math.max(pace.free, turn + step)
  end
  keep_pace(k, place, pace)
end

-- By how much a card that comes at `comes` instead of `at`, its turn, puts all that wait behind: no more than who is next is late too.
local function put_behind(k, at, comes, step, now)
  local waits = redis.call('ZRANGE', k.work, 0, 1, 'WITHSCORES')
  return math.min(comes - at, math.max(0, now - (tonumber(waits[4]) or now)) + step)
end

-- When this card, which is due since `due`, may be posted, or nil for now. Where nobody has worked for a while, or a post took long, it
-- is the place that is behind, with all that wait: each keeps its turn among them. What had its turn and failed comes in between.
local function turn_of(k, place, turn, due, step, now)
  local pace = pace_of(k, place, step, now)
  local is_over = pace and pace.till <= now and pace.free + pace.behind <= now
  if is_over and (not turn or redis.call('ZCOUNT', k.work, '-inf', now) < 2) then
    redis.call('HDEL', k.blocked, place .. ' pace', place .. ' behind')
    pace = nil
  end
  if not pace then
    if turn then redis.call('HDEL', k.post, 'turn') end
    return nil
  end
  local at, slack = turn and turn + pace.behind, math.floor(step / 20)
  if at and at - slack > now then return at end
  local in_turn, next = at and due <= at, pace.last + step
  local is_early = next - slack > now
  if in_turn and (is_early or now - at > slack) then
    pace.behind = pace.behind + put_behind(k, at, math.max(now, next), step, now)
  end
  local waits = pace.free + pace.behind > now
  if not turn and (waits or is_early) then
    local given, comes = next_turn(k, place, pace, step)
    redis.call('HSET', k.post, 'turn', given, 'what', 'rate_limited')
    return comes
  end
  if is_early then
    keep_pace(k, place, pace)
    return in_turn and next or next - slack
  end
  if not waits then pace.behind = 0 end
  pace.last, pace.free = now, math.max(pace.free, now + step - pace.behind)
  keep_pace(k, place, pace)
  redis.call('HSET', k.post, 'turn', now - pace.behind)
  return nil
end

-- At a place that is slow one announcement waits for its turn, and others become part of it (`join`): however much an admin does,
-- people are asked in time.
local function is_notice(id)
  return string.sub(id, 1, 4) == 'ntc_'
end

-- begin: take the lease of one card and write the attempt down.
-- KEYS  of_request (18)
-- ARGV  id, place, lease ms, operation, ms between two posts at a place that is slow, '1' where a notice is to wait for a turn of its own,
--       what became of the list that was to show it ('' it is a card: 'failed' or 'lost' is to be written down, and nothing posted; one that
--       was lost may have shown it, so that it is not done though it ended)
-- Answers  ok, now, fence, wanted, posted, post, button, attempts, lost at ('' none), doubles, told, record, pause JSON ('' none),
--          whether the story is told here ('1' or ''), place of the card to which this one hands on that it ended or went elsewhere
--          where none is here ('' none)
--          | done | leased | later | joins, id of the notice that waits here already
-- Prevents two workers at one card, a card at a place that its request has left (one that may be there is looked up, to say where it
-- went), a call of a place that asked us to wait, a burst at one that did before, and a second post before a lost first one could be
-- looked up. `lost_at` is what this attempt was told; `tried_at` is this attempt itself, until it is known how it ended.
register('begin', function(keys, a)
  local k = request_keys(keys)
  local id, place, lease, operation = a[1], a[2], tonumber(a[3]), a[4]
  local now = tick(k.clock)
  local r = load_request(k.record)
  local f = redis.call('HMGET', k.post, 'wanted', 'posted', 'post', 'button', 'attempts', 'fence', 'lease_until', 'tried_at',
    'doubles', 'holder', 'lost_at', 'told', 'turn', 'tells', 'teller')
  if not r or not f[1] then
    finish(k, id, place)
    return { 'done', now }
  end
  local is_over, is_told_here = r.status ~= 'pending', is_told(r.place, place, f[14])
  local hands_on = has_news(r.status, is_told_here) and not f[3] and a[7] ~= 'lost' and f[15]
  if r.place ~= place and not f[3] and not f[8] and not hands_on then
    redis.call('HDEL', k.post, 'turn')
    leave(k, id, place)
    return { 'done', now }
  end
  local repeated = f[10] == operation
  local wanted, posted, lease_until = tonumber(f[1]), tonumber(f[2]), tonumber(f[7] or '0')
  if lease_until > now and not repeated then return { 'leased', now } end
  if wanted == posted or (is_over and not f[3] and not f[8] and not hands_on and a[7] ~= 'lost') then
    redis.call('HSET', k.post, 'posted', wanted)
    finish(k, id, place)
    return { 'done', now }
  end
  if blocked_until(k, place) > now and not repeated then
    touch_place(k.places, k.blocked, k.work, place)
    return { 'later', now }
  end
  local due = tonumber(redis.call('ZSCORE', k.work, id) or '0')
  if due > now and not repeated then return { 'later', now } end
  if f[8] and not f[3] and tonumber(f[8]) + LOST_SECONDS * 1000 > now and not repeated then
    again_at(k, id, place, tonumber(f[8]) + LOST_SECONDS * 1000)
    return { 'later', now }
  end
  local can_join = is_notice(id) and f[6] == '0'
  local waits = can_join and redis.call('HGET', k.blocked, place .. ' notice')
  if waits and (waits == id or a[6] == '1') then redis.call('HDEL', k.blocked, place .. ' notice') end
  if waits and waits ~= id and a[6] ~= '1' and not f[13] then return { 'joins', now, waits } end
  local is_post = not is_over and not hands_on and not f[3] and (a[7] or '') == ''
  local turn = is_post and not repeated and turn_of(k, place, tonumber(f[13] or ''), due, tonumber(a[5]), now)
  if turn then
    if can_join then redis.call('HSET', k.blocked, place .. ' notice', id) end
    again_at(k, id, place, turn)
    return { 'later', now }
  end
  local fence, attempts, lost_at = tonumber(f[6]), tonumber(f[5]), f[11] or ''
  if not repeated then
    fence, attempts, lost_at = fence + 1, attempts + 1, f[8] or ''
    redis.call('HSET', k.post, 'fence', fence, 'attempts', attempts, 'holder', operation, 'lost_at', lost_at)
    local may_post = not is_over and not hands_on or a[7] == 'lost'
    if not f[3] and may_post then redis.call('HSET', k.post, 'tried_at', now) end
  end
  redis.call('HSET', k.post, 'lease_until', now + lease)
  again_at(k, id, place, now + lease)
  local _, paused = in_force(k.epochs, '', '')
  local pause = pause_of(paused, k.record) or ''
  redis.call('HSET', k.post, 'paused', pause ~= '' and cjson.decode(pause).id or '')
  return { 'ok', now, fence, wanted, posted, f[3] or '', f[4], attempts, lost_at, f[9] or '', f[12] or '',
    redis.call('HGETALL', k.record), pause, is_told_here and '1' or '', hands_on or '' }
end)

-- renew: hold the lease longer while a slow platform answers.
-- KEYS  of_request (18)      ARGV  id, place, fence, lease ms
-- Answers  ok | lost (somebody else holds it now, or it was given back)
register('renew', function(keys, a)
  local k = request_keys(keys)
  local now = tick(k.clock)
  local held = redis.call('HMGET', k.post, 'fence', 'lease_until')
  if held[1] ~= a[3] or held[2] == '0' then return { 'lost', now } end
  local lease_until = now + tonumber(a[4])
  redis.call('HSET', k.post, 'lease_until', lease_until)
  again_at(k, a[1], a[2], lease_until)
  return { 'ok', now }
end)

-- A second copy is brought up to date like the first, so whoever learns of it wants the card again. It is counted once.
local function record_double(k, counters, id, place, post, now)
  local doubles = redis.call('HGET', k.post, 'doubles') or ''
  if string.find(' ' .. doubles .. ' ', ' ' .. post .. ' ', 1, true) then return end
  redis.call('HSET', k.post, 'doubles', doubles == '' and post or doubles .. ' ' .. post)
  redis.call('HINCRBY', counters, 'doubles', 1)
  journal(k.journal, 'posted_twice', now, id, cjson.encode({ place = place, post = post }))
  want_card(k, id, place, now, tag_of(k.record))
end

-- posted: the place shows this version. Recording is idempotent; a worker that lost its lease records what it did all the same.
-- What had happened before the first post is on the card, and is not told beside it.
-- KEYS  of_request (18), counters      ARGV  id, place, fence, version, post, keys of the story by now
-- Answers  ok
register('posted', function(keys, a)
  local k = request_keys(keys)
  local id, place, version, post = a[1], a[2], tonumber(a[4]), a[5]
  local now = tick(k.clock)
  local f = redis.call('HMGET', k.post, 'post', 'posted', 'fence')
  if not f[2] then return { 'ok', now } end
  if not f[1] then
    redis.call('HSET', k.post, 'post', post)
    if a[6] ~= '' then redis.call('HSET', k.post, 'told', a[6]) end
    journal(k.journal, 'posted', now, id, cjson.encode({ place = place, post = post }))
  elseif f[1] ~= post then
    record_double(k, keys[19], id, place, post, now)
  end
  if version > tonumber(f[2]) then redis.call('HSET', k.post, 'posted', version) end
  redis.call('HDEL', k.post, 'tried_at')
  if f[3] ~= a[3] then return { 'ok', now } end
  redis.call('HSET', k.post, 'lease_until', 0, 'attempts', 0)
  if blocked_until(k, place) <= now then redis.call('HDEL', k.blocked, place) end
  local shown = redis.call('HMGET', k.post, 'posted', 'wanted')
  if tonumber(shown[1]) >= tonumber(shown[2]) then
    finish(k, id, place)
  else
    calm(k, id, place)
    again_at(k, id, place, now)
  end
  return { 'ok', now }
end)

-- tapped: a tap proves that a post exists, perhaps before its worker could record it. One that nobody knew of may show
-- an old version, or not say that its request is asked elsewhere now, so it is brought up to date. What a list shows has no card of its own to be a double of.
-- KEYS  of_request (18), counters      ARGV  id, place, post
-- Answers  ok
register('tapped', function(keys, a)
  local k = request_keys(keys)
  local id, place, post = a[1], a[2], a[3]
  local now = tick(k.clock)
  local f = redis.call('HMGET', k.post, 'post', 'wanted', 'listed')
  if not f[2] or f[3] then return { 'ok', now } end
  if not f[1] then
    redis.call('HSET', k.post, 'post', post, 'posted', 1)
    redis.call('HDEL', k.post, 'tried_at')
    journal(k.journal, 'posted', now, id, cjson.encode({ place = place, post = post }))
    local is_old = tonumber(f[2]) > 1 or redis.call('HGET', k.record, 'place') ~= place
    if is_old then want_card(k, id, place, now, tag_of(k.record)) end
  elseif f[1] ~= post then
    record_double(k, keys[19], id, place, post, now)
  end
  return { 'ok', now }
end)

-- narrated: an entry of the story stands beside the card, or will not.
-- KEYS  of_request (18)      ARGV  place, key of the entry
-- Answers  ok
register('narrated', function(keys, a)
  local k = request_keys(keys)
  local now = tick(k.clock)
  local told = redis.call('HGET', k.post, 'told') or ''
  if not string.find(' ' .. told .. ' ', ' ' .. a[2] .. ' ', 1, true) then
    redis.call('HSET', k.post, 'told', told == '' and a[2] or told .. ' ' .. a[2])
  end
  return { 'ok', now }
end)

-- failed: try again later. A place that named its time is left alone until then, by everybody. An attempt that certainly
-- made nothing leaves what was known before it: an earlier lost answer is still to be looked up. What nobody need be shown here any more
-- is no alarm, and where it certainly is not here done with at once.
-- KEYS  of_request (18)      ARGV  id, place, fence, after ms, lost ('1' or ''), alarm ('1' or ''), whole place ('1' or ''), what,
--       ms between two posts from now on, where it is the whole place
-- Answers  ok | lost (somebody else holds the lease: nothing changed)
register('failed', function(keys, a)
  local k = request_keys(keys)
  local id, place = a[1], a[2]
  local now = tick(k.clock)
  if redis.call('HGET', k.post, 'fence') ~= a[3] then return { 'lost', now } end
  local at, request = now + tonumber(a[4]), redis.call('HMGET', k.record, 'status', 'place')
  local is_here = request[2] == place  -- it may have been taken elsewhere meanwhile
  local is_wanted, again = is_here and request[1] == 'pending' or redis.call('HEXISTS', k.post, 'post') == 1, at
  redis.call('HSET', k.post, 'lease_until', 0, 'what', a[8])
  if a[5] ~= '1' then
    local lost_at = redis.call('HGET', k.post, 'lost_at') or ''
    if lost_at == '' then
      redis.call('HDEL', k.post, 'tried_at')
      if not is_wanted then again = now end
    else
      redis.call('HSET', k.post, 'tried_at', lost_at)
    end
  end
  if a[7] == '1' and blocked_until(k, place) < at then redis.call('HSET', k.blocked, place, at) end
  if a[7] == '1' then slow_down(k, place, at, tonumber(a[9]), now) end
  if a[6] == '1' and is_here and is_wanted and redis.call('ZADD', k.alarms, 'NX', now, id .. ' ' .. place) == 1 then
    journal(k.journal, 'undeliverable', now, id, cjson.encode({ place = place, what = a[8] }))
  end
  again_at(k, id, place, again)
  return { 'ok', now }
end)

-- hasten: what could not be shown at this place is tried at once, because the place can be reached again. Of what has left it for
-- another, nothing is wrong here any more: an alarm of that place says whether it can be shown there.
-- KEYS  of_request (18)      ARGV  id, place
-- Answers  ok | left
-- Prevents a look at a card that somebody is at: its lease says when it is due.
register('hasten', function(keys, a)
  local k = request_keys(keys)
  local id, place = a[1], a[2]
  local now, alarm = tick(k.clock), id .. ' ' .. place
  if redis.call('HGET', k.record, 'place') ~= place and not redis.call('ZSCORE', k.work, id) then
    redis.call('ZREM', k.alarms, alarm)
    return { 'left', now }
  end
  local is_stuck = redis.call('ZSCORE', k.alarms, alarm) and redis.call('ZSCORE', k.work, id)
  if is_stuck and tonumber(redis.call('HGET', k.post, 'lease_until') or '0') <= now then
    put_in_outbox(k, id, place, now, tag_of(k.record))
  end
  return { 'ok', now }
end)

-- moot: the request ended, or went elsewhere, before anybody was shown this version here, and there is nothing left to show.
-- KEYS  of_request (18), then where another card is to tell the end the work and the post of its place
-- ARGV  id, place, fence, version, place of that card ('' none)
-- Answers  ok | lost
register('moot', function(keys, a)
  local k = request_keys(keys)
  local now = tick(k.clock)
  local f = redis.call('HMGET', k.post, 'fence', 'wanted', 'posted')
  if f[1] ~= a[3] then return { 'lost', now } end
  redis.call('HSET', k.post, 'posted', a[4], 'lease_until', 0)
  redis.call('HDEL', k.post, 'tried_at')
  if tonumber(a[4]) >= tonumber(f[2]) then
    finish_unseen(k, a[1], a[2])
    if a[5] ~= '' and f[3] ~= a[4] then hand_on(k, a[1], a[2], a[5], keys[19], keys[20], now) end
  else
    again_at(k, a[1], a[2], now)
  end
  return { 'ok', now }
end)

-- join: an announcement becomes part of one that waits for its turn at the same place, and that nobody has begun.
-- KEYS  clock, work, places, blocked, record and card of the one that waits, record and card of the other
-- ARGV  place, id of the other, most bytes of a text
-- Answers  ok (it is part of it, or gone already) | alone (either has been begun, or the one that waits is gone or full: nothing changed)
register('join', function(keys, a)
  local now = tick(keys[1])
  local waits, more = redis.call('HGET', keys[5], 'notice'), redis.call('HGET', keys[7], 'notice')
  if not more then return { 'ok', now } end
  if not waits or redis.call('HGET', keys[6], 'fence') ~= '0' or redis.call('HGET', keys[8], 'fence') ~= '0' then
    return { 'alone', now }
  end
  local text = cjson.decode(waits).text .. '\n\n' .. cjson.decode(more).text
  if #text > tonumber(a[3]) then return { 'alone', now } end
  redis.call('HSET', keys[5], 'notice', cjson.encode({ text = text }))
  redis.call('DEL', keys[7], keys[8])
  redis.call('ZREM', keys[2], a[2])
  touch_place(keys[3], keys[4], keys[2], a[1])
  return { 'ok', now }
end)
