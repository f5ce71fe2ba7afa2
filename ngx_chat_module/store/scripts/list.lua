-- A session's place in its user's list, which lives as long as the last of
-- them does.
-- KEYS: the list.  ARGV: the session, when it ends

redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('EXPIREAT', KEYS[1],
           redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2])

return 1
