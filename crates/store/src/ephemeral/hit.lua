-- Counts one against each key, or none: memory.rs says the same in Rust. Each key is a list of the moments that count, as
-- microseconds since the Unix epoch. Arguments: the present; then for each key its limit, window and spacing (-1: none).
local now = tonumber(ARGV[1])
-- What made room for each, to be put back if a later one is refused.
local made_room = {}
for index, key in ipairs(KEYS) do
    local limit = tonumber(ARGV[3 * index - 1])
    local window = tonumber(ARGV[3 * index])
    local spacing = tonumber(ARGV[3 * index + 1])
    local oldest = tonumber(redis.call('LINDEX', key, 0))
    while oldest and oldest + window <= now do
        redis.call('LPOP', key)
        oldest = tonumber(redis.call('LINDEX', key, 0))
    end
    if redis.call('LLEN', key) >= limit then
        local free_at = oldest and oldest + window or now
        local latest = tonumber(redis.call('LINDEX', key, -1))
        if latest and spacing >= 0 then
            free_at = math.min(free_at, latest + spacing)
        end
        if free_at > now then
            for before = index - 1, 1, -1 do
                redis.call('LREM', KEYS[before], -1, ARGV[1])
                if made_room[before] then
                    redis.call('LPUSH', KEYS[before], made_room[before])
                end
            end
            return { index - 1, free_at - now }
        end
        made_room[index] = redis.call('LPOP', key)
    end
    if limit > 0 then
        redis.call('RPUSH', key, ARGV[1])
        redis.call('PEXPIRE', key, math.ceil(window / 1000))
    end
end
return {}
