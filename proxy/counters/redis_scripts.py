"""What Redis does in one step for the counters. Times are the caller's Unix seconds.

A counter is a hash: `start` and `end` of its window, `spent`, and `h:<worker>` for what each worker has reserved. The key
`w:<worker>` is there while the worker lives; what a worker without it has reserved has come back.
Sums are Redis integers (64 bits); comparisons are exact up to 2^53.
"""

# A worker that has not been heard of for so long has nothing reserved any more.
WORKER_SECONDS = 15

_COMMON = """
local function roll(key, start, stop, seed)
  local known = redis.call('HMGET', key, 'start', 'end', 'spent')
  local began, ended, first, last = known[1], known[2], tonumber(start), tonumber(stop)
  if began then
    if began == start and ended == stop then return known[3] or '0', began, ended end
    if first < tonumber(began) and tonumber(began) < last + (last - first) then return known[3] or '0', began, ended end
    seed = '0'
  end
  redis.call('HSET', key, 'start', start, 'end', stop, 'spent', seed)
  return seed, start, stop
end

local function expire(key, start, stop, kept)
  if tonumber(stop) > 0 then redis.call('EXPIRE', key, tonumber(stop) - tonumber(start) + 86400)
  elseif kept then redis.call('PERSIST', key)
  else redis.call('EXPIRE', key, 86400) end
end
"""

# KEYS: the worker's, then the counters'.
# ARGV: worker, prefix of workers; for each counter: held (1 is reserved until the end), amount, maximum (-1 is none),
#       start, end, partial, what the worker counted as spent (for a Redis that has lost it), whether it is money.
# Returns {"ok", then for each counter amount, spent before, reserved before, start}
# or {"refused", the counter's number, used, end}.
RESERVE = (
    _COMMON
    + """
local worker, workers = ARGV[1], ARGV[2]
redis.call('SET', KEYS[1], '1', 'EX', WORKER_SECONDS)
local answer = {'ok'}
for at = 2, #KEYS do
  local key, from = KEYS[at], 2 + (at - 2) * 8
  local amount, maximum = tonumber(ARGV[from + 2]), tonumber(ARGV[from + 3])
  local spent, start, stop = roll(key, ARGV[from + 4], ARGV[from + 5], ARGV[from + 7])
  local reserved = 0
  if ARGV[from + 1] == '1' then
    local fields = redis.call('HGETALL', key)
    for field = 1, #fields, 2 do
      if string.sub(fields[field], 1, 2) == 'h:' then
        if redis.call('EXISTS', workers .. string.sub(fields[field], 3)) == 1 then
          reserved = reserved + tonumber(fields[field + 1])
        else
          redis.call('HDEL', key, fields[field])
        end
      end
    end
  end
  local used = tonumber(spent) + reserved
  if maximum >= 0 then
    local over = used + amount > maximum
    if (ARGV[from + 8] == '1' and used >= maximum) or (over and not (ARGV[from + 6] == '1' and used < maximum)) then
      return {'refused', tostring(at - 2), string.format('%.0f', used), stop}
    end
  end
  answer[#answer + 1] = ARGV[from + 2]
  answer[#answer + 1] = spent
  answer[#answer + 1] = string.format('%.0f', reserved)
  answer[#answer + 1] = start
end
for at = 2, #KEYS do
  local key, from = KEYS[at], 2 + (at - 2) * 8
  local field = 'spent'
  if ARGV[from + 1] == '1' then field = 'h:' .. worker end
  redis.call('HINCRBY', key, field, answer[2 + (at - 2) * 4])
  expire(key, ARGV[from + 4], ARGV[from + 5], ARGV[from + 8] == '1')
end
return answer
"""
).replace("WORKER_SECONDS", str(WORKER_SECONDS))

# KEYS: one counter's.
# ARGV: worker of the reservation, held, reserved, change of spent, start and end of the present window, start of the
#       window that it was reserved in, what the worker counted as spent with this call, whether it is money.
SETTLE = (
    _COMMON
    + """
local key, field = KEYS[1], 'h:' .. ARGV[1]
if ARGV[2] == '1' then
  local held = redis.call('HGET', key, field)
  if held then
    if tonumber(held) <= tonumber(ARGV[3]) then redis.call('HDEL', key, field)
    else redis.call('HINCRBY', key, field, '-' .. ARGV[3]) end
  end
  if ARGV[9] == '1' then
    if redis.call('HEXISTS', key, 'spent') == 0 then roll(key, ARGV[5], ARGV[6], ARGV[8])
    else
      roll(key, ARGV[5], ARGV[6], '0')
      redis.call('HINCRBY', key, 'spent', ARGV[4])
    end
    expire(key, ARGV[5], ARGV[6], true)
  end
elseif redis.call('HGET', key, 'start') == ARGV[7] then
  if redis.call('HINCRBY', key, 'spent', ARGV[4]) < 0 then redis.call('HSET', key, 'spent', '0') end
end
return 1
"""
)

# KEYS: the counters'. ARGV: prefix of workers, then start and end of each. Returns spent and reserved of each.
READ = """
local answer = {}
for at = 1, #KEYS do
  local spent, reserved, fields, known = '0', 0, redis.call('HGETALL', KEYS[at]), {}
  for field = 1, #fields, 2 do
    if string.sub(fields[field], 1, 2) == 'h:' then
      if redis.call('EXISTS', ARGV[1] .. string.sub(fields[field], 3)) == 1 then
        reserved = reserved + tonumber(fields[field + 1])
      end
    else
      known[fields[field]] = fields[field + 1]
    end
  end
  if known['start'] and tonumber(known['start']) >= tonumber(ARGV[2 * at]) then spent = known['spent'] or '0' end
  answer[#answer + 1] = spent
  answer[#answer + 1] = string.format('%.0f', reserved)
end
return answer
"""

# KEYS: one counter's. ARGV: start, end, spent, whether it is a reset (else the larger of the two counts).
# Returns what is spent then.
WRITE = (
    _COMMON
    + """
local spent = roll(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
if ARGV[4] == '1' or tonumber(ARGV[3]) > tonumber(spent) then spent = ARGV[3] end
redis.call('HSET', KEYS[1], 'spent', spent)
expire(KEYS[1], ARGV[1], ARGV[2], true)
return spent
"""
)
