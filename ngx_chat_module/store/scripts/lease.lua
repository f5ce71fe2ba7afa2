-- Renews a worker's lease, and finds workers whose lease has run out.  The
-- worker also hears of it on the bus: "alive", with the time.
--
-- KEYS  the workers by the end of their lease, the worker's users
-- ARGV  worker id, length of a lease in ms, seconds to remember the rest, the
--       worker's channel
--
-- Returns up to ten dead workers.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

redis.call('ZADD', KEYS[1], string.format('%d', now + ARGV[2]), ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[3])

redis.call('PUBLISH', ARGV[4], string.format('alive %d.%06d', time[1],
                                             time[2]))

return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%d', now),
                  'LIMIT', 0, 10)
