-- A paused book asks, approves and edits nothing. Denials, cancellations, reads and deadlines go on: none of them lets
-- anything happen. The functions that refuse look at the epoch themselves (`in_force`).

local function turn(keys, kind, now, data)
  local epoch = redis.call('HINCRBY', keys[3], 'pause', 1)
  journal(keys[4], kind, now, '', data)
  redis.call('PUBLISH', tag_of(keys[1]) .. 'config', 'pause ' .. epoch)
end

-- pause: from now on nothing is asked, approved or edited in this book.
-- KEYS  pause, clock, epochs, journal      ARGV  operation, by, why, journal JSON
-- Answers  ok (the same for the same operation, however late) | same (it was paused before: who paused first stays)
-- Prevents a pause that comes again by itself after it was ended, when its answer was lost and the call repeated.
register('pause', function(keys, a)
  local now = tick(keys[2])
  local operation = 'operation:' .. a[1]
  if redis.call('HEXISTS', keys[1], operation) == 1 then return { 'ok', now } end
  if redis.call('HEXISTS', keys[1], 'since') == 1 then return { 'same', now } end
  redis.call('HSET', keys[1], 'by', a[2], 'why', a[3], 'since', now, operation, 'pause')
  turn(keys, 'paused', now, a[4])
  return { 'ok', now }
end)

-- resume: the book goes on.
-- KEYS  pause, clock, epochs, journal      ARGV  operation, journal JSON
-- Answers  ok (the same for the same operation, however late) | same (it was not paused)
-- Prevents a later pause from being ended by an earlier call that is repeated.
register('resume', function(keys, a)
  local now = tick(keys[2])
  local operation = 'operation:' .. a[1]
  if redis.call('HEXISTS', keys[1], operation) == 1 then return { 'ok', now } end
  if redis.call('HEXISTS', keys[1], 'since') == 0 then return { 'same', now } end
  redis.call('HDEL', keys[1], 'by', 'why', 'since')
  redis.call('HSET', keys[1], operation, 'resume')
  turn(keys, 'resumed', now, a[2])
  return { 'ok', now }
end)
