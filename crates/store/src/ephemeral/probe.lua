-- Does to one key all that the other scripts do to theirs, and leaves nothing in it, for as many milliseconds as the argument says.
local key = KEYS[1]
redis.call('PEXPIRE', key, 0)
redis.call('RPUSH', key, '')
redis.call('LPUSH', key, '')
redis.call('LRANGE', key, 0, -1)
redis.call('LINDEX', key, redis.call('LLEN', key) - 1)
redis.call('LREM', key, -1, '')
redis.call('LPOP', key)
redis.call('SET', key, '', 'PX', ARGV[1])
redis.call('GET', key)
