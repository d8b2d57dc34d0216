-- What admins change while everything runs: where is asked, what stands still, which request goes elsewhere. A deed has an
-- operation; what it answered is kept for a week under its name, so a call that is repeated has the effect of one. It says under
-- which keys and policy its admin was proved, and is proved again where these have moved.

local DEED_MS = 7 * 24 * 3600 * 1000

-- What an earlier call of this deed has answered, marked as a repetition; or nil.
local function answered(deed)
  local kept = redis.call('GET', deed)
  if not kept then return nil end
  local found = cjson.decode(kept)
  found[1] = 'replay'
  return found
end

local function answer_once(deed, found)
  redis.call('SET', deed, cjson.encode(found), 'PX', DEED_MS)
  return found
end

-- claim: the name of a deed is for what was asked for under it first, and for nothing else.
-- KEYS  deed      ARGV  digest of what is asked for
-- Answers  ok | other (it was used for something else)
register('claim', function(keys, a)
  local first = redis.call('GET', keys[1])
  if first and first ~= a[1] then return { 'other' } end
  redis.call('SET', keys[1], a[1], 'PX', DEED_MS)
  return { 'ok' }
end)

-- With the time of now, as the first of its members.
local function stamped(name, now, json)
  return '{"' .. name .. '":' .. string.format('%d', now) .. ',' .. string.sub(json, 2)
end

local function turn_routes(keys, channel, now)
  local epoch = redis.call('HINCRBY', keys, 'routes', 1)
  redis.call('PUBLISH', channel .. 'config', 'routes ' .. epoch)
  return epoch
end

-- Routes whose time is over leave when somebody changes one; they count for nothing before that.
local function drop_ended(routes, stream, now)
  local kept = redis.call('HGETALL', routes)
  for i = 1, #kept, 2 do
    local till = cjson.decode(kept[i + 1])['until']
    if till and till ~= cjson.null and till <= now then
      redis.call('HDEL', routes, kept[i])
      journal(stream, 'route_ended', now, '', kept[i + 1])
    end
  end
end

-- The live routes of the pattern of the route in `json`, but for the one kept under `id`.
local function of_its_pattern(routes, id, json)
  local action, found = cjson.decode(json).action, {}
  local kept = redis.call('HGETALL', routes)
  for i = 1, #kept, 2 do
    if kept[i] ~= id and cjson.decode(kept[i + 1]).action == action then found[#found + 1] = kept[i] end
  end
  return found
end

-- change_places: put or remove live routes and named channels, all of one deed together.
-- KEYS  routes, channels, clock, epochs, journal, places, blocked, deed, then three for each notice (`announce`)
-- ARGV  keys epoch, policy epoch, version that is to be changed ('' any), most of a kind, what the deed answers, how many changes;
--       for each: routes or channels, field, JSON without its time ('' removes it), when it ends ('' never), kind of journal entry,
--       journal JSON; then three for each notice
-- Answers  ok, now, version, what | replay, … | again | changed, now, version | past (an end that is over) | full
-- A route that is put replaces those of its pattern, also one that its admin has not seen.
-- Prevents two admins from overwriting each other, half of a deed, two routes of one pattern, and a route that nobody is told of.
register('change_places', function(keys, a)
  local routes, channels, epochs, stream, deed = keys[1], keys[2], keys[4], keys[5], keys[8]
  local now = tick(keys[3])
  local before = answered(deed)
  if before then return before end
  if not in_force(epochs, a[1], a[2]) then return { 'again', now } end
  local version = redis.call('HGET', epochs, 'routes') or '0'
  if a[3] ~= '' and a[3] ~= version then return { 'changed', now, version } end
  drop_ended(routes, stream, now)
  local of = { routes = routes, channels = channels }
  local count, word, replaced = tonumber(a[6]), 7, {}
  for n = 0, count - 1 do
    local at = word + n * 6
    if a[at + 3] ~= '' and tonumber(a[at + 3]) <= now then return { 'past', now } end
    local hash, puts = of[a[at]], a[at + 2] ~= ''
    replaced[n] = puts and hash == routes and of_its_pattern(routes, a[at + 1], a[at + 2]) or {}
    if puts and redis.call('HEXISTS', hash, a[at + 1]) == 0 and redis.call('HLEN', hash) - #replaced[n] >= tonumber(a[4]) then
      return { 'full', now }
    end
  end
  for n = 0, count - 1 do
    local at = word + n * 6
    if a[at + 2] == '' then
      redis.call('HDEL', of[a[at]], a[at + 1])
    else
      for _, id in ipairs(replaced[n]) do
        redis.call('HDEL', routes, id)
        journal(stream, 'route_replaced', now, '', cjson.encode({ route = id }))
      end
      redis.call('HSET', of[a[at]], a[at + 1], stamped('at', now, a[at + 2]))
    end
    journal(stream, a[at + 4], now, '', a[at + 5])
  end
  announce(keys, 9, a, word + count * 6, keys[6], keys[7], now)
  version = turn_routes(epochs, tag_of(routes), now)
  return answer_once(deed, { 'ok', now, tostring(version), a[5] })
end)

-- take_along: an admin has a pending request asked at another place. Only its card goes there; who may answer stays as it is. The
-- card that it leaves is brought up to date once more, and says where it went; a listing is without it from then on.
-- KEYS  of_request (18) of the place that it leaves, work and post of the other place, button, deed
-- ARGV  keys epoch, policy epoch, id, from, to, button token ('' where nothing is posted there, as in the inbox), moved JSON,
--       journal JSON
-- Answers  ok, now | replay | again | missing | settled | same (it is there already)
-- Prevents a request that is taken along after its end, and one at two places.
register('take_along', function(keys, a)
  local k = request_keys(keys)
  local deed = keys[22]
  local id, from, to = a[3], a[4], a[5]
  local now = tick(k.clock)
  local before = answered(deed)
  if before then return before end
  local r = load_request(k.record)
  if not r then return { 'missing', now } end
  if not in_force(k.epochs, a[1], a[2]) or r.place ~= from then return { 'again', now } end
  expire_if_due(k, r, now)
  if r.status ~= 'pending' then return { 'settled', now } end
  if r.place == to then return { 'same', now } end

  local tag = tag_of(k.record)
  redis.call('HSET', k.record, 'v', r.v > '4' and r.v or '4', 'place', to, 'moved', a[7])
  calm(k, id, from)
  want_card(k, id, from, now, tag)
  local there = { place = to, record = k.record, work = keys[19], post = keys[20], places = k.places, blocked = k.blocked }
  if a[6] ~= '' then ask_at(there, r, keys[21], a[6], now, tag) end
  name_teller(k, from, there)
  journal(k.journal, 'moved', now, id, a[8])
  redis.call('PUBLISH', tag .. 'changes', 'moved ' .. id)
  return answer_once(deed, { 'ok', now })
end)

-- report: a place cannot be reached, or can again. It is said once, however many look at it.
-- KEYS  reported, clock, journal      ARGV  place, JSON of what is wrong with it ('' nothing any more), journal JSON
-- Answers  ok, now | same (it is known)
register('report', function(keys, a)
  local now = tick(keys[2])
  local known = redis.call('HEXISTS', keys[1], a[1]) == 1
  if known == (a[2] ~= '') then return { 'same', now } end
  if known then
    redis.call('HDEL', keys[1], a[1])
  else
    redis.call('HSET', keys[1], a[1], stamped('since', now, a[2]))
  end
  journal(keys[3], known and 'place_well' or 'place_ill', now, '', a[3])
  redis.call('PUBLISH', tag_of(keys[1]) .. 'config', 'reported')
  return { 'ok', now }
end)

-- tell: a fact of which admins are told once, however many find it out. It has another value than was told last.
-- KEYS  told, clock, places, blocked, then three for each notice (`announce`)
-- ARGV  fact, value ('' nothing is told of it any more), value that was told last, as the caller knows ('*' any), then three for
--       each notice
-- Answers  ok, now | same (that is told, or somebody has told of another value)
register('tell', function(keys, a)
  local now = tick(keys[2])
  local last = redis.call('HGET', keys[1], a[1]) or ''
  if last == a[2] or (a[3] ~= '*' and a[3] ~= last) then return { 'same', now } end
  if a[2] == '' then
    redis.call('HDEL', keys[1], a[1])
  else
    redis.call('HSET', keys[1], a[1], a[2])
  end
  announce(keys, 5, a, 4, keys[3], keys[4], now)
  return { 'ok', now }
end)
