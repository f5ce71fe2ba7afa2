-- A user has a first live session on a worker.
--
-- KEYS  the user's live workers, online_users, the worker's users
-- ARGV  worker id, user id, seconds to remember, channel, event to publish,
--       the worker's channel
--
-- The event is published only if the user was not online at all.  Returns 1
-- then, else 0.  The worker hears "alive", as from script lease: what is older
-- than its first look at the user's rooms it need not look for later.

local time = redis.call('TIME')

redis.call('PUBLISH', ARGV[6], string.format('alive %d.%06d', time[1],
                                             time[2]))

redis.call('SADD', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('SADD', KEYS[3], ARGV[2])
redis.call('EXPIRE', KEYS[3], ARGV[3])

if redis.call('SADD', KEYS[2], ARGV[2]) == 0 then
    return 0
end

redis.call('PUBLISH', ARGV[4], ARGV[5])

return 1
