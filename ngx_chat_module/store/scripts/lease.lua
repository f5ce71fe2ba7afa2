-- Renews a worker's lease, and finds workers whose lease has run out.  The
-- worker also hears of it on the bus: "alive", with the time.
--
-- KEYS  the workers by the end of their lease, the worker's users
-- ARGV  worker id, length of a lease in ms, seconds to remember the rest, the
--       worker's channel
--
-- Returns 1 if the lease had not run out, else 0 (then others may have taken
-- the worker for dead), and up to ten dead workers.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- first, so that it is heard also while nothing can be written

redis.call('PUBLISH', ARGV[4], string.format('alive %d.%06d', time[1],
                                             time[2]))

local lease = redis.call('ZSCORE', KEYS[1], ARGV[1])

redis.call('ZADD', KEYS[1], string.format('%d', now + ARGV[2]), ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[3])

local reply = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf',
                         string.format('%d', now), 'LIMIT', 0, 10)

table.insert(reply, 1, lease and tonumber(lease) > now and 1 or 0)

return reply
