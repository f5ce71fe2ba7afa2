-- Of a user's sessions those that are too many: the ones that end first, but
-- not the one that has just begun.
-- KEYS: the list.  ARGV: that session, how many may be, how many to return

local n = math.min(redis.call('ZCARD', KEYS[1]) - ARGV[2], tonumber(ARGV[3]))
local surplus = {}

if n > 0 then
    for _, session in ipairs(redis.call('ZRANGE', KEYS[1], 0, n)) do
        if session ~= ARGV[1] and #surplus < n then
            table.insert(surplus, session)
        end
    end
end

return surplus
