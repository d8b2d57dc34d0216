-- attach_file: a file whose pieces were sent becomes part of a request. The pieces lay under names that lapse by themselves, so whoever
-- dies before this call leaves nothing; from here they last as long as the request. Nothing is ever replaced. A file of the agent's
-- makes a new revision: nobody can approve it on a card that was shown without it.
-- KEYS  of_request (18), counters, button of the new revision, the pieces as they were sent (n), and as they are kept (n)
-- ARGV  keys epoch, policy epoch, file id, file JSON (an object, without "at"), its size, schema version, most files of this sender for
--       this field, most of the request, quota of the agent's bytes, button token where it is the agent's and must come before the first vote ('' else), journal JSON
-- Answers  ok, record | replay, record | again | missing | settled, record | voted, record | many | bytes | lapsed
-- Prevents a file of a request that has ended, more of them than may be, bytes that no quota knows, and a file that lacks a piece.
register('attach_file', function(keys, a)
  local k = request_keys(keys)
  local counters, button, pieces = keys[19], keys[20], (#keys - 20) / 2
  local now = tick(k.clock)
  local r = load_request(k.record)
  if not r then return { 'missing', now } end
  local operation = 'operation:' .. a[3]
  if redis.call('HEXISTS', k.record, operation) == 1 then return answer('replay', k.record, now) end
  if not in_force(k.epochs, a[1], a[2]) or is_elsewhere(k, r) then return { 'again', now } end
  expire_if_due(k, r, now)
  if r.status ~= 'pending' then return answer('settled', k.record, now) end
  if a[10] ~= '' and r.votes ~= '' then return answer('voted', k.record, now) end

  local size, file = tonumber(a[5]), cjson.decode(a[4])
  local files = redis.call('HGET', k.record, 'files') or ''
  local all, same = 0, 0
  for line in string.gmatch(files, '[^\n]+') do
    local other = cjson.decode(line)
    all = all + 1
    if other.by == file.by and other.field == file.field then same = same + 1 end
  end
  if same >= tonumber(a[7]) or all >= tonumber(a[8]) then return { 'many', now } end
  local used = tonumber(redis.call('HGET', k.usage, 'bytes') or '0')
  if used + size > tonumber(a[9]) then return { 'bytes', now } end
  local there = 0
  for i = 21, 20 + pieces do there = there + redis.call('STRLEN', keys[i]) end
  if there ~= size then return { 'lapsed', now } end

  for i = 21, 20 + pieces do
    redis.call('RENAME', keys[i], keys[i + pieces])
    redis.call('PERSIST', keys[i + pieces])
  end
  local line = '{"at":' .. string.format('%d', now) .. ',' .. string.sub(a[4], 2)
  redis.call('HSET', k.record, 'v', r.v > a[6] and r.v or a[6], 'files', files == '' and line or files .. '\n' .. line, 'bytes', r.bytes + size, operation, 'file')
  redis.call('HINCRBY', k.usage, 'bytes', size)
  redis.call('HINCRBY', counters, 'bytes', size)
  local about = a[11]
  if a[10] ~= '' then about = '{"revision":' .. turn_revision(k, r, button, a[10]) .. ',' .. string.sub(about, 2) end
  journal(k.journal, 'file_put', now, r.id, about)
  local tag = tag_of(k.record)
  want_card(k, r.id, r.place, now, tag)
  redis.call('PUBLISH', tag .. 'changes', 'filed ' .. r.id)
  return answer('ok', k.record, now)
end)
