-- Mutes or bans a user, or ends that, and tells all workers.  What is over is
-- forgotten.
--
-- KEYS  who is muted or banned, by the second in which that ends
-- ARGV  "mute:" or "ban:" and the user, for how many seconds (0: not any more,
--       -1: for ever), how many there may be, channel, message
--
-- Returns 1, or 0 if there are too many.

local now = tonumber(redis.call('TIME')[1])
local seconds = tonumber(ARGV[2])

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%d', now))

if seconds == 0 then
    redis.call('ZREM', KEYS[1], ARGV[1])

else
    if not redis.call('ZSCORE', KEYS[1], ARGV[1])
       and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3])
    then
        return 0
    end

    redis.call('ZADD', KEYS[1],
               seconds < 0 and '+inf' or string.format('%d', now + seconds),
               ARGV[1])
end

redis.call('PUBLISH', ARGV[4], ARGV[5])

return 1
