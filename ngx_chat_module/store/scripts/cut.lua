-- Two messages for two workers, with nothing between them on any channel.  The
-- second worker hears "alive" with the time before, as from script lease.
-- ARGV: channel, message, channel, message

local time = redis.call('TIME')

redis.call('PUBLISH', ARGV[1], ARGV[2])
redis.call('PUBLISH', ARGV[3], string.format('alive %d.%06d', time[1],
                                             time[2]))
redis.call('PUBLISH', ARGV[3], ARGV[4])

return 1
