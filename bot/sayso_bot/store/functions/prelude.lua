-- Shared by all functions: time, journal, configuration epochs, delivery hints, and the one way to end a request.
--
-- All keys arrive as keys. Functions that may end a request are given the same list in the same order (Keys.of_request), so that
-- whoever ends it (a vote, the agent, a deadline that a late reader notices) does the same things in one atomic step.
-- Answers are arrays that begin with a code. JSON from Python is spliced, never re-encoded: Lua would lose empty arrays and large numbers.

local LOST_SECONDS = 60      -- how long after a lost answer a post may be looked up (design, adapters)
local NEWS_BYTES = 16384     -- a larger body is not sent to every replica

local function request_keys(keys)
  return {
    record = keys[1], clock = keys[2], epochs = keys[3], journal = keys[4], deadlines = keys[5],
    places = keys[6], blocked = keys[7], alarms = keys[8],
    status = { pending = keys[9], approved = keys[10], denied = keys[11], expired = keys[12], cancelled = keys[13] },
    usage = keys[14], work = keys[15], post = keys[16], tellings = keys[17], list = keys[18],
  }
end

-- Redis's time in ms, never before what this book has seen. A function that writes always stores it, so that a repeated call
-- has a write of its own to wait for (WAITAOF).
local function peek(clock)
  local t = redis.call('TIME')
  local now = t[1] * 1000 + math.floor(t[2] / 1000)
  local last = tonumber(redis.call('GET', clock) or '0')
  if last > now then return last end
  return now
end

local function tick(clock)
  local now = peek(clock)
  redis.call('SET', clock, now)
  return now
end

local function journal(stream, kind, now, id, data)
  redis.call('XADD', stream, '*', 'kind', kind, 'at', now, 'request', id, 'data', data)
end

-- True when the configuration that the caller used is still in force (an epoch of '' is not checked); and what is paused, for
-- `pause_over`: nil while nothing is. No caller can act on an older view of it. `pause` is odd while the whole book is paused;
-- `pauses` has a line of JSON for each pause, which the look takes along.
local function in_force(epochs, keys_epoch, policy_epoch, routes_epoch)
  local now = redis.call('HMGET', epochs, 'keys', 'policy', 'pause', 'pauses', 'routes')
  local is = (keys_epoch == '' or keys_epoch == (now[1] or '0')) and (policy_epoch == '' or policy_epoch == (now[2] or '0'))
    and (not routes_epoch or routes_epoch == '' or routes_epoch == (now[5] or '0'))
  local paused = nil
  if (now[4] and now[4] ~= '') or tonumber(now[3] or '0') % 2 == 1 then
    paused = { book = tonumber(now[3] or '0') % 2 == 1, lines = now[4] or '' }
  end
  return is, paused
end

-- Whether a pattern names an action, by the steps of sayso_bot.domain.globs: what stands between two stars is taken where it is
-- first found, so the time is in proportion to the action whatever the pattern.
local function is_named(pattern, action)
  local parts = {}
  for part in string.gmatch(pattern .. '*', '([^*]*)%*') do parts[#parts + 1] = part end
  if #parts == 1 then return pattern == action end
  local first, last = parts[1], parts[#parts]
  local stop = #action - #last
  if stop < #first or string.sub(action, 1, #first) ~= first or string.sub(action, stop + 1) ~= last then return false end
  local at = #first + 1
  for i = 2, #parts - 1 do
    local found, ends = string.find(action, parts[i], at, true)
    if not found or ends > stop then return false end
    at = ends + 1
  end
  return true
end

-- Whether a scope (everything, agent:NAME, action:PATTERN) has this agent's action in it.
local function is_covered(scope, agent, action)
  if scope == 'everything' then return true end
  local kind, what = string.match(scope, '^(%a+):(.*)$')
  if kind == 'agent' then return what == agent end
  return is_named(what, action)
end

-- The first pause that holds for this agent's action, as the JSON text that was kept of it; nil where none does. A book that was
-- paused by an earlier version has no line: then it is an empty text.
local function pause_over(paused, agent, action)
  if not paused then return nil end
  for line in string.gmatch(paused.lines, '[^\n]+') do
    if is_covered(cjson.decode(line).scope, agent, action) then return line end
  end
  return paused.book and '' or nil
end

-- The same for a request that lies in the book already.
local function pause_of(paused, record)
  if not paused then return nil end
  local asked = redis.call('HMGET', record, 'agent', 'action')
  return pause_over(paused, asked[1], asked[2])
end

-- Keep the place's own time equal to its earliest work, but not before the place may be called again. True when it came earlier.
local function touch_place(places, blocked, work, place)
  local first = redis.call('ZRANGE', work, 0, 0, 'WITHSCORES')
  if not first[1] then
    redis.call('ZREM', places, place)
    return false
  end
  local at = tonumber(first[2])
  local free = tonumber(redis.call('HGET', blocked, place) or '0')
  if free > at then at = free end
  local before = tonumber(redis.call('ZSCORE', places, place) or '')
  if before == at then return false end
  redis.call('ZADD', places, at, place)
  return not before or at < before
end

-- There is work at this place, and a hint where the workers do not expect it yet. A place that was due before has had its hint;
-- whoever works there looks again when it is done.
local function put_in_outbox(k, id, place, now, tag)
  redis.call('ZADD', k.work, now, id)
  if touch_place(k.places, k.blocked, k.work, place) then redis.call('PUBLISH', tag .. 'outbox', place) end
end

-- A place that has once asked us to wait is given first posts one by one for a while: each card its turn, on the book's own time, so
-- that replicas share one pace. What is kept of it: until when, the next turn that nobody has, when the last post was let go, and how
-- many ms the place is `behind`: a turn comes that much later than it was given, so that whoever was late stays before those who came
-- after. Turns of those who are gone, at the end of all that waits, are free again: the last that is still to come, of what is due by
-- then, has the last turn.
local function pace_of(k, place, step, now)
  local found = redis.call('HMGET', k.blocked, place .. ' pace', place .. ' behind')
  if not found[1] then return nil end
  local till, free, last = string.match(found[1], '^(%d+) (%d+) (%d+)$')
  local behind = tonumber(found[2] or '0')
  free = tonumber(free)
  local waits = redis.call('ZRANGE', k.work, free + behind, '(' .. now, 'BYSCORE', 'REV', 'LIMIT', 0, 1, 'WITHSCORES')
  free = math.min(free, waits[2] and tonumber(waits[2]) + step or math.max(0, now + step - behind))
  return { till = tonumber(till), free = free, last = tonumber(last), behind = behind }
end

local function keep_pace(k, place, pace)
  redis.call('HSET', k.blocked, place .. ' pace', string.format('%d %d %d', pace.till, pace.free, pace.last),
    place .. ' behind', string.format('%d', pace.behind))
end

-- The next turn that nobody has, and when it comes.
local function next_turn(k, place, pace, step)
  local turn = math.max(pace.free, pace.last + step - pace.behind)
  pace.free = turn + step
  keep_pace(k, place, pace)
  return turn, turn + pace.behind
end

-- A new card's turn after all that wait for theirs here, so that nobody has to look at it before; nil where none do.
local function turn_behind(k, place, step, now)
  local pace = pace_of(k, place, step, now)
  if not pace or pace.free + pace.behind <= now then return nil end
  return next_turn(k, place, pace, step)
end

-- Whether a card that nobody was shown waits for its turn: who posts it then will see what is wanted. One that ended, or is asked
-- elsewhere, needs none.
local function waits_for_turn(k, id, place, turn, now)
  if tonumber(turn or '0') <= now or not redis.call('ZSCORE', k.work, id) then return false end
  local request = redis.call('HMGET', k.record, 'status', 'place')
  return request[1] == 'pending' and request[2] == place
end

-- The card of this request is out of date: raise the wanted version. Whoever holds its lease now will see that. A request that
-- is in the inbox alone has no card.
local function want_card(k, id, place, now, tag)
  if place == '' then return end
  local card = redis.call('HMGET', k.post, 'wanted', 'lease_until', 'turn', 'post', 'tried_at')
  if not card[1] then return end
  redis.call('HINCRBY', k.post, 'wanted', 1)
  if not card[4] and not card[5] and waits_for_turn(k, id, place, card[3], now) then return end
  if tonumber(card[2] or '0') <= now then put_in_outbox(k, id, place, now, tag) end
end

local function tag_of(key)
  return string.sub(key, 1, string.find(key, '}:', 1, true) + 1)
end

-- Have something said at places: three keys for each from `key` on (notice, its card, work of the place) and three words from `word`
-- on (id, place, JSON of what is said). A notice is a record that delivery can begin like a request's.
local function announce(keys, key, a, word, places, blocked, now)
  while keys[key] do
    local id, place = a[word], a[word + 1]
    local k = { post = keys[key + 1], work = keys[key + 2], places = places, blocked = blocked }
    redis.call('HSET', keys[key], 'v', '1', 'id', id, 'status', 'pending', 'revision', 1, 'seq', 0, 'bytes', 0, 'place', place,
      'votes', '', 'agent', '', 'action', '', 'notice', a[word + 2])
    redis.call('HSET', k.post, 'button', '', 'wanted', 1, 'posted', 0, 'fence', 0, 'attempts', 0)
    put_in_outbox(k, id, place, now, tag_of(keys[key]))
    key, word = key + 3, word + 3
  end
end

local function load_request(record)
  local f = redis.call('HMGET', record, 'id', 'status', 'revision', 'expires_at', 'seq', 'bytes', 'place', 'votes', 'v',
    'principal')
  if not f[1] then return nil end
  return { id = f[1], status = f[2], revision = f[3], expires_at = tonumber(f[4]), seq = f[5], bytes = tonumber(f[6]),
           place = f[7], votes = f[8], v = f[9], principal = f[10] }
end

-- A request may have been moved since its caller saw it. Then the caller has given the keys of a place that it left, and must look
-- again before it may change anything: the place is what follows the id in the card's key.
local function is_elsewhere(k, r)
  return r.place ~= '' and k.post ~= tag_of(k.record) .. 'post:' .. r.id .. ':' .. r.place
end

-- What those who wait are told: the id, and the record with the epochs under which it ended, so that they need not read it.
-- A large one is read by whoever waits for it.
local function news_of(k, r)
  if r.bytes > NEWS_BYTES then return r.id end
  local epochs = redis.call('HMGET', k.epochs, 'keys', 'policy')
  return r.id .. ' ' .. cjson.encode({ epochs[1] or '0', epochs[2] or '0', redis.call('HGETALL', k.record) })
end

-- End a pending request: state, indexes, quota, journal, card, the word to its principal and wake-up together. `reason` is JSON (a string or null).
local function settle(k, r, status, cause, reason, now)
  local decision = '{"outcome":"' .. status .. '","cause":"' .. cause .. '","at":' .. string.format('%d', now)
    .. ',"reason":' .. reason .. '}'
  redis.call('HSET', k.record, 'status', status, 'decision', decision)
  redis.call('ZREM', k.deadlines, r.id)
  redis.call('ZREM', k.status.pending, r.id)
  redis.call('ZADD', k.status[status], r.seq, r.id)
  redis.call('HINCRBY', k.usage, 'pending', -1)
  redis.call('HINCRBY', k.usage, 'bytes', -r.bytes)
  journal(k.journal, 'settled', now, r.id, decision)
  local tag = tag_of(k.record)
  want_card(k, r.id, r.place, now, tag)
  if r.principal then
    redis.call('ZADD', k.tellings, now, r.id)
    redis.call('PUBLISH', tag .. 'outbox', 'principal')
  end
  redis.call('PUBLISH', tag .. 'settled', news_of(k, r))
  redis.call('PUBLISH', tag .. 'changes', 'settled ' .. r.id)
  r.status = status
end

-- How it went with the list that shows this request instead of a card of its own: what kept it back, and since when it is not known
-- whether it was shown all the same.
local function trouble_of_list(k)
  local list = redis.call('HMGET', k.list, 'what', 'tried_at', 'what_at')
  if not list[1] and not list[2] then return nil, nil end
  local record = redis.call('HMGET', k.record, 'body', 'created_at')
  local requirement = cjson.decode(record[1]).requirement
  if type(requirement) ~= 'table' or not requirement.digest then return nil, nil end
  local is_old = not list[2] and tonumber(list[3] or '0') < tonumber(record[2])
  return not is_old and list[1], list[2]
end

-- Silence is one thing, and a card that nobody was shown another: a JSON string that says so, or null. Where an answer was lost, or is
-- not there yet, or who was to get it died, the card may be there.
local function why_unseen(k, r, now)
  local card = redis.call('HMGET', k.post, 'wanted', 'post', 'what', 'tried_at', 'turn', 'teller')
  if not card[1] or card[2] then return 'null' end
  local what, tried_at = card[3] or card[5] and 'rate_limited', card[4]
  if not what and not tried_at then what, tried_at = trouble_of_list(k) end
  if not what and tonumber(redis.call('HGET', k.blocked, r.place) or '0') > now then what = 'rate_limited' end
  if tried_at then
    local told = what and what ~= 'rate_limited' and ' (' .. what .. ')' or ''
    return cjson.encode('It is not known whether a card was shown: ' .. r.place .. ' had not answered' .. told .. '.')
  end
  if not what then return 'null' end
  local where = card[6] and ' where it was asked last' or ''
  return cjson.encode('Nobody was shown a card' .. where .. ': ' .. r.place .. ' could not be reached (' .. what .. ').')
end

-- A passed deadline ends the request in whichever function notices it first.
local function expire_if_due(k, r, now)
  if r.status == 'pending' and r.expires_at and r.expires_at <= now then
    settle(k, r, 'expired', 'timeout', why_unseen(k, r, now), now)
  end
end

local function answer(code, record, now, more)
  return { code, now, redis.call('HGETALL', record), more }
end

-- The next revision, and its number: every vote and button made before names another one. Votes stay on the record and count for
-- nothing, and a tap on an old card is stale.
local function turn_revision(k, r, button, token)
  local revision, old = tonumber(r.revision) + 1, 'brief:' .. r.revision
  local brief = redis.call('HGET', k.record, old)
  redis.call('HSET', k.record, 'revision', revision)
  if brief then
    redis.call('HDEL', k.record, old)
    redis.call('HSET', k.record, 'brief:' .. revision, brief)
  end
  if redis.call('HEXISTS', k.post, 'wanted') == 1 then
    redis.call('SET', button, r.id .. ' ' .. revision .. ' ' .. r.place)
    redis.call('HSET', k.post, 'button', token)
  end
  return revision
end

-- Ask at `there`, another place with its keys, under a button of its own. What was asked there before has its card there already.
local function ask_at(there, r, button, token, now, tag)
  redis.call('SET', button, r.id .. ' ' .. r.revision .. ' ' .. there.place)
  redis.call('HSET', there.post, 'button', token)
  if redis.call('HEXISTS', there.post, 'wanted') == 1 then
    want_card(there, r.id, there.place, now, tag)
  else
    redis.call('HSET', there.post, 'wanted', 1, 'posted', 0, 'fence', 0, 'attempts', 0, 'since', now)
    put_in_outbox(there, r.id, there.place, now, tag)
  end
end

-- Which card is to say how it ended should none be shown at `there`: the one at `from`, where it or the list that has it may be, or the
-- one that this would have left it to.
local function name_teller(k, from, there)
  local card = redis.call('HMGET', k.post, 'post', 'tried_at', 'teller')
  local _, list_tried_at = trouble_of_list(k)
  local teller = (card[1] or card[2] or list_tried_at) and from or card[3]
  if teller and teller ~= there.place then redis.call('HSET', there.post, 'teller', teller) end
end

-- A record for a list: of a large request its brief and its small fields, of any other all of it. A brief is of one revision, so
-- that an edit by a version that keeps none leaves no old one in force.
local LIGHT = { 'v', 'id', 'status', 'revision', 'agent', 'action', 'created_at', 'expires_at', 'place', 'moved', 'votes', 'decision',
  'edits' }

local function light(record)
  local brief = redis.call('HGET', record, 'brief:' .. (redis.call('HGET', record, 'revision') or ''))
  if not brief then return redis.call('HGETALL', record) end
  local found, kept = redis.call('HMGET', record, unpack(LIGHT)), { 'brief', brief }
  for i, name in ipairs(LIGHT) do
    if found[i] then
      kept[#kept + 1] = name
      kept[#kept + 1] = found[i]
    end
  end
  return kept
end

local function register(name, callback, flags)
  redis.register_function{ function_name = LIBRARY .. '_' .. name, callback = callback, flags = flags or {} }
end
