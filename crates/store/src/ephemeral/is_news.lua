-- Whether nothing was told by this key in the window before now; then it has been told now. Arguments: the present, the
-- window, both in microseconds.
local told_at = tonumber(redis.call('GET', KEYS[1]))
if told_at and told_at + tonumber(ARGV[2]) > tonumber(ARGV[1]) then
    return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', math.max(1, math.ceil(tonumber(ARGV[2]) / 1000)))
return 1
