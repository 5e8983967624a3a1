"""What Redis does in one step. Times are the caller's Unix seconds: the hosts' clocks have to agree to a second or so.

Keys, below a prefix: `d:<deployment>` its health and latencies, `m:<deployment>:<minute>` its counts, `f:<deployment>`
calls in flight by worker, `w:<worker>` there while the worker lives, `b:<budget>:<bucket>` first and extra tries.
"""

# A worker that has not been heard of for so long has nothing in flight any more.
WORKER_SECONDS = 15

# KEYS: d, m, f, w, then the buckets of the budget, the present one first.
# ARGV: now, worker, prefix of workers, tokens, rpm, tpm, parallel (-1 is no limit), extra, share, floor, last resort,
#       seconds for a probe, requests of the call.
# Returns {"ok", "1" for a probe} or {reason, until}.
RESERVE = """
local now, worker, workers = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local tokens, rpm, tpm, parallel = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local extra, last_resort = ARGV[8] == '1', ARGV[11] == '1'

local function number(key, field) return tonumber(redis.call('HGET', key, field) or '0') end

redis.call('SET', KEYS[4], '1', 'EX', %(worker_seconds)d)
if extra then
  local firsts, extras = 0, 0
  for at = 5, #KEYS do
    firsts = firsts + number(KEYS[at], 'firsts')
    extras = extras + number(KEYS[at], 'extras')
  end
  if extras + 1 > math.max(tonumber(ARGV[10]), tonumber(ARGV[9]) * firsts) then return {'budget', tostring(now + 10)}
  end
end

local cooling_until, streak = number(KEYS[1], 'cooling_until'), number(KEYS[1], 'streak')
-- A clock that has stepped back to before the cooldown began: it begins now.
local step = number(KEYS[1], 'cooled_at') - now
if streak > 0 and step > 0 then
  cooling_until = cooling_until - step
  redis.call('HSET', KEYS[1], 'cooled_at', tostring(now), 'cooling_until', tostring(cooling_until))
  redis.call('HDEL', KEYS[1], 'probe_until')
end
if not last_resort then
  if now < cooling_until then return {'cooling', tostring(cooling_until)} end
  local probe_until = number(KEYS[1], 'probe_until')
  if streak > 0 and now < probe_until then return {'probing', tostring(probe_until)} end
end

if parallel >= 0 then
  local inflight, counts = 0, redis.call('HGETALL', KEYS[3])
  for at = 1, #counts, 2 do
    if redis.call('EXISTS', workers .. counts[at]) == 1 then
      inflight = inflight + tonumber(counts[at + 1])
    else
      redis.call('HDEL', KEYS[3], counts[at])
    end
  end
  if inflight >= parallel then return {'parallel', tostring(now)} end
end
local minute_end = tostring((math.floor(now / 60) + 1) * 60)
if rpm >= 0 and number(KEYS[2], 'requests') + tonumber(ARGV[13]) > rpm then return {'rpm', minute_end} end
if tpm >= 0 and number(KEYS[2], 'tokens') + math.min(tokens, tpm) > tpm then return {'tpm', minute_end} end

redis.call('HINCRBY', KEYS[2], 'requests', ARGV[13])
redis.call('HINCRBY', KEYS[2], 'tokens', tokens)
redis.call('EXPIRE', KEYS[2], 120)
redis.call('HINCRBY', KEYS[3], worker, 1)
redis.call('EXPIRE', KEYS[3], 86400)
redis.call('HINCRBY', KEYS[5], extra and 'extras' or 'firsts', 1)
redis.call('EXPIRE', KEYS[5], 120)
if streak > 0 and now >= cooling_until then
  redis.call('HSET', KEYS[1], 'probe_until', tostring(now + tonumber(ARGV[12])))
  return {'ok', '1'}
end
return {'ok', '0'}
""" % {"worker_seconds": WORKER_SECONDS}  # noqa: UP031 - the script is full of braces

# KEYS: d, m, f, w.
# ARGV: worker, change of the tokens, outcome (ok, failed, none), started, probe, cooling_until, streak, cooled_at,
#       latency, first (negative is no sample), span of the means.
SETTLE = """
local function number(field) return tonumber(redis.call('HGET', KEYS[1], field) or '0') end

redis.call('SET', KEYS[4], '1', 'EX', %(worker_seconds)d)
if redis.call('HINCRBY', KEYS[3], ARGV[1], -1) <= 0 then redis.call('HDEL', KEYS[3], ARGV[1]) end
if tonumber(ARGV[2]) ~= 0 and redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('HINCRBY', KEYS[2], 'tokens', ARGV[2])
end

if ARGV[5] == '1' then redis.call('HDEL', KEYS[1], 'probe_until') end
if ARGV[3] == 'ok' and number('streak') > 0 and tonumber(ARGV[4]) >= number('cooled_at') then
  redis.call('HDEL', KEYS[1], 'streak', 'cooling_until', 'cooled_at', 'probe_until')
end
if ARGV[3] == 'failed' and tonumber(ARGV[6]) > number('cooling_until') then
  redis.call('HSET', KEYS[1], 'cooling_until', ARGV[6], 'streak', ARGV[7], 'cooled_at', ARGV[8])
end

local span = tonumber(ARGV[11])
local function sample(name, value)
  if tonumber(value) < 0 then return end
  local count = math.min(number(name .. '_samples') + 1, span)
  local mean = number(name)
  redis.call('HSET', KEYS[1], name, tostring(mean + (tonumber(value) - mean) / count), name .. '_samples', count)
end
sample('latency', ARGV[9])
sample('first', ARGV[10])
redis.call('EXPIRE', KEYS[1], 86400)
return 1
""" % {"worker_seconds": WORKER_SECONDS}  # noqa: UP031
