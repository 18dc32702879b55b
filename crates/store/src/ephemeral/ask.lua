-- Whether each key allows one more, which is not counted: hit.lua counts. The same keys and arguments.
local now = tonumber(ARGV[1])
for index, key in ipairs(KEYS) do
    local limit = tonumber(ARGV[3 * index - 1])
    local window = tonumber(ARGV[3 * index])
    local spacing = tonumber(ARGV[3 * index + 1])
    local moments = redis.call('LRANGE', key, 0, -1)
    local first = 1
    while first <= #moments and tonumber(moments[first]) + window <= now do
        first = first + 1
    end
    if first <= #moments and #moments - first + 1 >= limit then
        local free_at = tonumber(moments[first]) + window
        if spacing >= 0 then
            free_at = math.min(free_at, tonumber(moments[#moments]) + spacing)
        end
        if free_at > now then
            return { index - 1, free_at - now }
        end
    end
end
return {}
