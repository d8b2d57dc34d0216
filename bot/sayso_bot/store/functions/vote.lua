-- vote: one person's answer counts once, and the deciding one ends the request.
-- KEYS  of_request (18)
-- ARGV  keys epoch, policy epoch, operation, revision, person, outcome, vote JSON (an object, without "at"), quorum,
--       aliases JSON, JSON list of the persons whose votes the caller saw, in order ([null] where it saw an end, and so has not looked
--       whether the person may answer), and of those whose no longer hold
-- Answers  ok, record | replay, record | again | missing | settled, record | stale, record | paused, record, pause JSON (no
--          approval counts now) | voted, record | changed
-- Prevents a second vote through another alias, a vote on another revision, two decisions, a vote after the deadline, and a
-- deciding vote that relies on earlier ones that nobody has checked again.

local function count(votes, revision)
  local comparable, surfaces, denied = 0, {}, false
  for _, v in ipairs(votes) do
    if v.revision == revision then
      if v.outcome == 'deny' then
        denied = true
      else
        if v.comparable then comparable = comparable + 1 end
        surfaces[v.surface] = (surfaces[v.surface] or 0) + 1
      end
    end
  end
  local most = comparable
  for _, n in pairs(surfaces) do
    if n > most then most = n end
  end
  return denied, most
end

local function is_same_person(v, person, aliases)
  if v.person == person then return true end
  for _, alias in ipairs(v.aliases) do
    if aliases[alias] then return true end
  end
  return false
end

-- Votes are kept as one JSON text per vote, joined by new lines (JSON escapes those), so that none is ever re-encoded.
local function split_votes(text)
  local raw, decoded = {}, {}
  for line in string.gmatch(text, '[^\n]+') do
    raw[#raw + 1] = line
    decoded[#decoded + 1] = cjson.decode(line)
  end
  return raw, decoded
end

local function are_of(votes, persons)
  if #votes ~= #persons then return false end
  for i, v in ipairs(votes) do
    if v.person ~= persons[i] then return false end
  end
  return true
end

register('vote', function(keys, a)
  local k = request_keys(keys)
  local now = tick(k.clock)
  local r = load_request(k.record)
  if not r then return { 'missing', now } end
  if redis.call('HGET', k.record, 'operation:' .. a[3]) == a[5] then return answer('replay', k.record, now) end
  local current, paused = in_force(k.epochs, a[1], a[2])
  if not current or is_elsewhere(k, r) then return { 'again', now } end
  expire_if_due(k, r, now)
  if r.status ~= 'pending' then return answer('settled', k.record, now) end
  if r.revision ~= a[4] then return answer('stale', k.record, now) end
  local pause = a[6] == 'approve' and pause_of(paused, k.record)
  if pause then return answer('paused', k.record, now, pause) end

  local raw, decoded = split_votes(r.votes)
  if not are_of(decoded, cjson.decode(a[10])) then return { 'changed', now } end
  local void = {}
  for _, person in ipairs(cjson.decode(a[11])) do void[person] = true end
  local aliases = {}
  for _, alias in ipairs(cjson.decode(a[9])) do aliases[alias] = true end
  local kept_raw, kept, voided = {}, {}, {}
  for i, v in ipairs(decoded) do
    if void[v.person] and v.revision == tonumber(a[4]) then
      voided[#voided + 1] = raw[i]
    else
      if v.revision == tonumber(a[4]) and is_same_person(v, a[5], aliases) then return answer('voted', k.record, now) end
      kept_raw[#kept_raw + 1] = raw[i]
      kept[#kept + 1] = v
    end
  end
  local line = '{"at":' .. string.format('%d', now) .. ',' .. string.sub(a[7], 2)
  kept_raw[#kept_raw + 1] = line
  kept[#kept + 1] = cjson.decode(line)
  redis.call('HSET', k.record, 'votes', table.concat(kept_raw, '\n'), 'operation:' .. a[3], a[5])
  for _, gone in ipairs(voided) do journal(k.journal, 'vote_void', now, r.id, gone) end
  journal(k.journal, 'voted', now, r.id, line)

  local denied, approvals = count(kept, tonumber(a[4]))
  if denied then
    settle(k, r, 'denied', 'votes', 'null', now)
  elseif approvals >= tonumber(a[8]) then
    settle(k, r, 'approved', 'votes', 'null', now)
  else
    local tag = tag_of(k.record)
    want_card(k, r.id, r.place, now, tag)
    redis.call('PUBLISH', tag .. 'changes', 'voted ' .. r.id)
  end
  return answer('ok', k.record, now)
end)
