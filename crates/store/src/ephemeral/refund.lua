-- Takes back one moment from each key.
for _, key in ipairs(KEYS) do
    redis.call('LREM', key, -1, ARGV[1])
end
