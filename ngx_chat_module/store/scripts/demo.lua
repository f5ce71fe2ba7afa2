-- Fills an empty Redis with the demo's users, rooms and messages, all or none.
--
-- KEYS  total_users, the name of General, General
-- ARGV  password hashes of the four users
--
-- Returns 1, or 0 if there is something already.  The other keys follow from
-- the ids, which begin at 1 in an empty Redis.

if redis.call('EXISTS', KEYS[1]) == 1 then
    return 0
end

local names = {'Pablo', 'Joe', 'Mary', 'Alex'}
local greetings = {'Hello', 'Hi', 'Yo', 'Hola'}

local general = {
    'Hello!',
    'Hi, how are you? What about our next meeting?',
    'Yes, everything is fine',
    'Next meeting tomorrow at 10 am',
    "Wow, that's great"
}

local now = tonumber(redis.call('TIME')[1])

local function say(room, from, text, date, usec)
    local id = string.format('%d.%06d', date, usec)

    redis.call('ZADD', 'room:' .. room, id,
               '{"id":"' .. id .. '","from":"' .. from .. '","date":' .. date
               .. ',"message":' .. cjson.encode(text) .. ',"roomId":"' .. room
               .. '"}')
end

redis.call('SET', KEYS[2], 'General')

for i = 1, #names do
    redis.call('HSET', 'user:' .. i, 'username', names[i], 'password', ARGV[i])
    redis.call('SADD', 'user:' .. i .. ':rooms', '0')
    redis.call('SET', 'username:' .. names[i], 'user:' .. i)
end

for low = 1, #names - 1 do
    for high = low + 1, #names do
        local room = low .. ':' .. high

        redis.call('SADD', 'user:' .. low .. ':rooms', room)
        redis.call('SADD', 'user:' .. high .. ':rooms', room)

        say(room, high, greetings[high], now - 200 + 10 * low, 100000 * high)
        say(room, low, greetings[low], now - 100 + 10 * high, 100000 * low)
    end
end

for i = 1, #general do
    say('0', 1 + (i - 1) % #names, general[i],
        now - (#general - i + 1) * 150, 100000 * i)
end

redis.call('SET', KEYS[1], #names)

return 1
