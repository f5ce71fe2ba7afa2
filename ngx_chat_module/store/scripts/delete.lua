-- Deletes a message by its position, and tells everybody.
--
-- KEYS  the room's sorted set
-- ARGV  the position, channel, the event up to "last", as JSON
--
-- "last" is the position of what is the room's last message now, if it was the
-- last one that went, else "".  Returns 1; 0 if there is no such message; -1 if
-- several have the position, which those of other servers can, and none is of
-- ours; -2 if the position is not yet in the past: script append must not give
-- it, or one before it, to another message.

local room, id = KEYS[1], ARGV[1]
local found = redis.call('ZRANGEBYSCORE', room, id, id, 'LIMIT', 0, 100)
local member = found[1]

if #found > 1 then
    local begin = '{"id":"' .. id .. '",'
    member = nil

    for _, one in ipairs(found) do
        if string.sub(one, 1, #begin) == begin then
            member = one
        end
    end
end

if not member then
    return #found == 0 and 0 or -1
end

local time = redis.call('TIME')

if tonumber(id) >= tonumber(time[1]) + tonumber(time[2]) / 1000000 then
    return -2
end

local function newest()
    return redis.call('ZREVRANGEBYSCORE', room, '(8589934592', '0',
                      'WITHSCORES', 'LIMIT', 0, 1)
end

local was_last = newest()[1] == member

redis.call('ZREM', room, member)

local last = ''

if was_last then
    local score = tonumber(newest()[2] or '0')
    local sec = math.floor(score)
    local usec = math.floor((score - sec) * 1000000 + 0.5)

    if usec == 1000000 then
        sec, usec = sec + 1, 0
    end

    last = string.format('%d.%06d', sec, usec)
end

redis.call('PUBLISH', ARGV[2], ARGV[3] .. '"last":"' .. last .. '"}}')

return 1
