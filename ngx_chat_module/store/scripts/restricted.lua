-- For how many seconds more a user is muted, and banned: 0 for not, -1 for
-- ever.
-- KEYS: as for restrict.  ARGV: "mute:" and the user, "ban:" and the user

local now = tonumber(redis.call('TIME')[1])

local function left(member)
    local last = redis.call('ZSCORE', KEYS[1], member)

    if last == 'inf' then
        return -1
    end

    return last and math.max(tonumber(last) - now, 0) or 0
end

return {left(ARGV[1]), left(ARGV[2])}
