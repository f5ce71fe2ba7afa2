-- Reads a page of a room's history from a position on.  From an offset on it is
-- a ZREVRANGE by itself.
--
-- KEYS  the room's sorted set
-- ARGV  "before" or "after"; the position; the size
--
-- Returns member, score, member, score...: newest first, but oldest first for
-- "after".  Messages that share the page's last score are all returned, beyond
-- the size if need be, since the next page starts behind that score.  (Their
-- number is bounded, as nothing else bounds what was written here.)

local room = KEYS[1]
local kind, from, size = ARGV[1], ARGV[2], tonumber(ARGV[3])

-- A score from 2^33 on is no position (see append.lua): whoever reads on from
-- the last one would read such rows again and again.

local command = kind == 'before' and 'ZREVRANGEBYSCORE' or 'ZRANGEBYSCORE'
local rows = redis.call(command, room, '(' .. from,
                        kind == 'before' and '-inf' or '(8589934592',
                        'WITHSCORES', 'LIMIT', 0, size)

if #rows < size * 2 then
    return rows
end

local score = rows[#rows]
local same = 0

while same < size and rows[#rows - 2 * same] == score do
    same = same + 1
end

local rest = redis.call(command, room, score, score, 'WITHSCORES', 'LIMIT',
                        same, 10000)

for i = 1, #rest do
    rows[#rows + 1] = rest[i]
end

return rows
