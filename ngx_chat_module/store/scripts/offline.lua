-- A user has no live session on a worker any more, or the worker is dead.
--
-- KEYS  the user's live workers, online_users, the worker's users, the user,
--       the workers by the end of their lease
-- ARGV  worker id, user id, channel, the event up to the user's name, which is
--       looked up here: whoever cleans up after a dead worker doesn't know it;
--       "dead" if somebody does
--
-- Published only if no other worker has the user.  Returns 1 then, else 0; -1
-- if the worker lives after all, which may have said so a moment ago.

if ARGV[5] == 'dead' then
    local time = redis.call('TIME')
    local lease = redis.call('ZSCORE', KEYS[5], ARGV[1])

    if lease and tonumber(lease)
                 > time[1] * 1000 + math.floor(time[2] / 1000)
    then
        return -1
    end
end

redis.call('SREM', KEYS[1], ARGV[1])
redis.call('SREM', KEYS[3], ARGV[2])

if redis.call('EXISTS', KEYS[1]) == 1
   or redis.call('SREM', KEYS[2], ARGV[2]) == 0
then
    return 0
end

local name = redis.call('HGET', KEYS[4], 'username') or ''

redis.call('PUBLISH', ARGV[3], ARGV[4] .. cjson.encode(name)
           .. ',"online":false}}')

return 1
