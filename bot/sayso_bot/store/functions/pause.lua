-- What is paused asks, approves and edits nothing. Denials, cancellations, reads and deadlines go on: none of them lets anything
-- happen. The functions that refuse look for themselves (`in_force`, `pause_over`).

-- Each pause and each resumption of the whole book adds one to `pause`, so it is odd while the book is paused; one of less adds two.
-- Cards that say otherwise now are looked for from the newest on.
local function turn(keys, scope, kind, now, data)
  local epoch = redis.call('HINCRBY', keys[3], 'pause', scope == 'everything' and 1 or 2)
  redis.call('HSET', keys[6], scope, epoch .. ' ')
  journal(keys[4], kind, now, '', data)
  redis.call('PUBLISH', tag_of(keys[1]) .. 'config', 'pause ' .. epoch)
end

local function lines_of(epochs)
  local lines = {}
  for line in string.gmatch(redis.call('HGET', epochs, 'pauses') or '', '[^\n]+') do lines[#lines + 1] = line end
  return lines
end

-- pause: from now on nothing in a scope is asked, approved or edited.
-- KEYS  pause, clock, epochs, journal, deed, repaint, places, blocked, then three for each notice (`announce`)
-- ARGV  keys epoch, policy epoch, scope, JSON of the pause without its time, by, why, journal JSON, most pauses, then three for each
--       notice
-- Answers  ok, now, pause JSON | replay, … | same, now, pause JSON (it was paused before: who paused first stays) | again | full
-- Prevents a pause that comes again by itself after it was ended, when its answer was lost and the call repeated.
register('pause', function(keys, a)
  local now = tick(keys[2])
  local before = answered(keys[5])
  if before then return before end
  if not in_force(keys[3], a[1], a[2]) then return { 'again', now } end
  local lines = lines_of(keys[3])
  for _, line in ipairs(lines) do
    if cjson.decode(line).scope == a[3] then return { 'same', now, line } end
  end
  local is_book = a[3] == 'everything'
  if is_book and redis.call('HEXISTS', keys[1], 'since') == 1 then return { 'same', now, '' } end
  if not is_book and #lines >= tonumber(a[8]) then return { 'full', now } end
  local line = stamped('since', now, a[4])
  lines[#lines + 1] = line
  redis.call('HSET', keys[3], 'pauses', table.concat(lines, '\n'))
  if is_book then redis.call('HSET', keys[1], 'by', a[5], 'why', a[6], 'since', now) end
  turn(keys, a[3], 'paused', now, a[7])
  announce(keys, 9, a, 9, keys[7], keys[8], now)
  return answer_once(keys[5], { 'ok', now, line })
end)

-- resume: one pause is over.
-- KEYS  as of pause
-- ARGV  keys epoch, policy epoch, id of the pause ('' whichever has the scope), scope, journal JSON, then three for each notice
-- Answers  ok, now, JSON of the pause that ended | replay, … | same (there is no such pause) | again
-- Prevents a later pause from being ended by an earlier call that is repeated, or by somebody who has seen another one.
register('resume', function(keys, a)
  local now = tick(keys[2])
  local before = answered(keys[5])
  if before then return before end
  if not in_force(keys[3], a[1], a[2]) then return { 'again', now } end
  local kept, ended = {}, nil
  for _, line in ipairs(lines_of(keys[3])) do
    local found = cjson.decode(line)
    if found.scope == a[4] and (a[3] == '' or found.id == a[3]) then ended = line else kept[#kept + 1] = line end
  end
  local is_book = a[4] == 'everything'
  if not ended and is_book and a[3] == '' and redis.call('HEXISTS', keys[1], 'since') == 1 then ended = '' end
  if not ended then return { 'same', now } end
  redis.call('HSET', keys[3], 'pauses', table.concat(kept, '\n'))
  if is_book then redis.call('HDEL', keys[1], 'by', 'why', 'since') end
  turn(keys, a[4], 'resumed', now, a[5])
  announce(keys, 9, a, 6, keys[7], keys[8], now)
  return answer_once(keys[5], { 'ok', now, ended })
end)

-- want: the card of a pending request is wanted again where it says otherwise than is so about a pause. In the inbox there is none.
-- KEYS  of_request (18)      ARGV  id
-- Answers  ok (it is wanted) | same
register('want', function(keys, a)
  local k = request_keys(keys)
  local now = tick(k.clock)
  local r = load_request(k.record)
  if not r or r.status ~= 'pending' or r.place == '' or is_elsewhere(k, r) then return { 'same', now } end
  local _, paused = in_force(k.epochs, '', '')
  local line = pause_of(paused, k.record)
  local id = line and line ~= '' and cjson.decode(line).id or ''
  local card = redis.call('HMGET', k.post, 'wanted', 'paused')
  if not card[1] or (card[2] or '') == id then return { 'same', now } end
  redis.call('HSET', k.post, 'paused', id)
  want_card(k, a[1], r.place, now, tag_of(k.record))
  return { 'ok', now }
end)

-- repainted: so far the cards of a scope have been looked at; of a scope that was paused or resumed meanwhile, from the newest again.
-- KEYS  repaint      ARGV  scope, the epoch of the look and where it began, the same and where it ended ('' at the oldest)
register('repainted', function(keys, a)
  if redis.call('HGET', keys[1], a[1]) ~= a[2] then return { 'ok' } end
  if a[3] == '' then redis.call('HDEL', keys[1], a[1]) else redis.call('HSET', keys[1], a[1], a[3]) end
  return { 'ok' }
end)
