-- Renews a worker's lease, and finds workers whose lease has run out.
--
-- KEYS  the workers by the end of their lease, the worker's users
-- ARGV  worker id, length of a lease in ms, seconds to remember the rest
--
-- Returns up to ten dead workers.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

redis.call('ZADD', KEYS[1], string.format('%d', now + ARGV[2]), ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[3])

return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%d', now),
                  'LIMIT', 0, 10)
