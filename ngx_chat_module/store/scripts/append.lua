-- Appends a message to a room and publishes it: all or nothing, one round trip.
--
-- KEYS  the room's sorted set, and the nonce's key if there is a nonce
-- ARGV  channel, server id, room id, sender, text, nonce, show.room data: JSON,
--       put in as they are ("" for no nonce and no show.room); then the number
--       of messages to keep (0: all) and the seconds to remember a nonce
--
-- Returns the message's id, which is its position, and its date.  A repeated
-- nonce changes nothing and gets the first message's.

local room, nonce = KEYS[1], KEYS[2]
local channel, server, id_json, from, text = unpack(ARGV, 1, 5)
local nonce_json, show, limit, memory = unpack(ARGV, 6, 9)

if nonce then
    local known = redis.call('GET', nonce)

    if known then
        return {known, string.match(known, '^%d+')}
    end
end

-- Now, as whole seconds and microseconds: a double would do for comparing, but
-- its text would not always be the number that was meant.

local time = redis.call('TIME')
local sec, usec = tonumber(time[1]), tonumber(time[2])

-- The last position.  Scores from 2^33 on (the year 2242) can't tell one
-- microsecond from the next; no clock wrote them, and nothing is put behind.

local prev = '0'
local last = redis.call('ZREVRANGEBYSCORE', room, '(8589934592', '0',
                        'WITHSCORES', 'LIMIT', 0, 1)[2]

if last then
    local score = tonumber(last)
    local lsec = math.floor(score)
    local lusec = math.floor((score - lsec) * 1000000 + 0.5)

    if lusec == 1000000 then
        lsec, lusec = lsec + 1, 0
    end

    prev = string.format('%d.%06d', lsec, lusec)

    if sec < lsec or (sec == lsec and usec <= lusec) then
        sec, usec = lsec, lusec + 1

        if usec == 1000000 then
            sec, usec = sec + 1, 0
        end
    end
end

local id = string.format('%d.%06d', sec, usec)
local date = string.format('%d', sec)

local message = '{"id":"' .. id .. '","from":' .. from .. ',"date":' .. date
                .. ',"message":' .. text .. ',"roomId":' .. id_json

redis.call('ZADD', room, id, message .. '}')

if tonumber(limit) > 0 then
    redis.call('ZREMRANGEBYRANK', room, 0, -1 - limit)
end

if nonce then
    redis.call('SET', nonce, id, 'EX', memory)
end

local envelope = '{"serverId":' .. server .. ',"type":'

if show ~= '' and not last then
    redis.call('PUBLISH', channel, envelope .. '"show.room","data":' .. show
               .. '}')
end

message = message .. ',"prev":"' .. prev .. '"'

if nonce then
    message = message .. ',"nonce":' .. nonce_json
end

redis.call('PUBLISH', channel, envelope .. '"message","data":' .. message
           .. '}}')

return {id, date}
