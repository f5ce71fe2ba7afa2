-- Two messages for two workers, with nothing between them on any channel.
-- ARGV: channel, message, channel, message

redis.call('PUBLISH', ARGV[1], ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[4])

return 1
