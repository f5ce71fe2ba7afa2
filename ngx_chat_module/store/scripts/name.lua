-- Gives a name to a user, unless somebody has it or one like it.
--
-- KEYS  the name, its looks, its other spellings
-- ARGV  the user, how many looks
--
-- Returns 1, 0 if somebody has the name, -1 if it is one like it.

for i, key in ipairs(KEYS) do
    if redis.call('EXISTS', key) == 1 then
        return i == 1 and 0 or -1
    end
end

for i = 1, 1 + ARGV[2] do
    redis.call('SET', KEYS[i], ARGV[1])
end

return 1
