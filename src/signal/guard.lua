-- The guard's levels, as all nodes count them: what src/model/guard/ reckons in memory, in one step of Redis.
-- ARGV: the client's key prefix, what to do, the time, the verification; to take back: when its sends were judged; to
-- empty: country, prefix and network, or none for all; to judge: those three (network '' where it is not known), number,
-- weight, whether it is refused, whether its network is verified, five thresholds, and where the levels stood as far as
-- the node knows (-1: nowhere). The order is that of the rules: prefix, network's day and hour, country's day and hour.
-- Keys: b: a level; v: the sends of a verification that is not approved; lp:, ln: whose sends of a day count in a country;
-- w: those too young for the hour rules; l: the last number of a prefix; n: the countries of a network.
local p, what, now, ver = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local DAY, HOUR, YOUNG, NEAR, NEAR_MS, COUNTRIES = 86400000, 3600000, 180000, 10, 600000, 3
local KEEP, KEEP_SENDS = 180000, 90000

local function whole(n) return string.format('%.0f', n) end

local function keep(key, seconds) redis.call('EXPIRE', key, seconds or KEEP) end

local function read(name, period)
    local v = redis.call('HMGET', p .. 'b:' .. name, 'l', 'a', 't')
    if not v[1] then return nil end
    local b = { name = name, l = tonumber(v[1]), a = tonumber(v[2]), t = tonumber(v[3]) }
    b.l = math.max(0, b.l - b.t * math.max(0, now - b.a) / period)
    b.a = math.max(b.a, now)
    return b
end

local function save(b)
    local key = p .. 'b:' .. b.name
    redis.call('HSET', key, 'l', string.format('%.9f', b.l), 'a', whole(b.a), 't', string.format('%.9f', b.t))
    keep(key)
end

local function turn(name, period, threshold, stood)
    local b = read(name, period) or { name = name, l = math.max(0, stood), a = now }
    b.t = threshold
    b.l = math.min(b.l, threshold + 1)
    return b
end

local function add(b, weight)
    local added = math.max(0, math.min(weight, b.t + 1 - b.l))
    b.l = b.l + added
    return added
end

local function out(name, period, added, at)
    local b = read(name, period)
    if not b then return end
    if now - at < period then b.l = math.max(0, b.l - added) end
    save(b)
end

local function out_of_country(s)
    out('c:' .. s.c .. ':d', DAY, s.cd, s.at)
    out('c:' .. s.c .. ':h', HOUR, s.ch, s.at)
end

local function take_out(s)
    if s.oc then out_of_country(s) end
    out('p:' .. s.p .. ':d', DAY, s.pd, s.at)
    if s.n ~= '' then
        out('n:' .. s.n .. ':d', DAY, s.nd, s.at)
        out('n:' .. s.n .. ':h', HOUR, s.nh, s.at)
    end
end

local function sends(verification) return p .. 'v:' .. verification end

local function ripen()
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', p .. 'w', '-inf', whole(now), 'LIMIT', 0, 1000)) do
        redis.call('ZREM', p .. 'w', member)
        local v, nth = string.match(member, '^(%x+):(.+)$')
        local text = redis.call('HGET', sends(v), nth)
        if text then
            local s = cjson.decode(text)
            if s.oc then
                local b = read('c:' .. s.c .. ':h', HOUR)
                if b then
                    s.ch = add(b, s.w)
                    save(b)
                end
            end
            if s.n ~= '' then
                local b = read('n:' .. s.n .. ':h', HOUR)
                if b then
                    s.nh = add(b, s.w)
                    save(b)
                end
            end
            redis.call('HSET', sends(v), nth, cjson.encode(s))
        end
    end
end

local function evict(list, field, value)
    for _, v in ipairs(redis.call('ZRANGE', list, 0, -1)) do
        local all = redis.call('HGETALL', sends(v))
        for at = 1, #all, 2 do
            local s = cjson.decode(all[at + 1])
            if s.oc and s[field] == value then
                out_of_country(s)
                s.oc, s.cd, s.ch = false, 0, 0
                redis.call('HSET', sends(v), all[at], cjson.encode(s))
            end
        end
    end
    redis.call('DEL', list)
end

-- what is not approved is listed: no more than a day of it, and nothing that is over
local function list(key)
    redis.call('ZADD', key, whole(now), ver)
    redis.call('ZREMRANGEBYSCORE', key, '-inf', whole(now - DAY))
    keep(key)
end

if what == 'approve' or what == 'take_back' then
    local gone = {}
    for nth = 5, #ARGV do gone[ARGV[nth]] = true end
    local all = redis.call('HGETALL', sends(ver))
    for at = 1, #all, 2 do
        local s = cjson.decode(all[at + 1])
        if what == 'approve' or gone[whole(s.at)] then
            take_out(s)
            redis.call('HDEL', sends(ver), all[at])
            if redis.call('HLEN', sends(ver)) == 0 then
                redis.call('ZREM', p .. 'lp:' .. s.p, ver)
                if s.n ~= '' then redis.call('ZREM', p .. 'ln:' .. s.n, ver) end
            end
        end
    end
    return {}
end

if what == 'empty' then
    -- an empty level stays there: where there is none, it would be what some node remembers
    local function empty(name) save({ name = name, l = 0, a = now, t = 0 }) end
    if #ARGV == 4 then
        for _, key in ipairs(redis.call('KEYS', p .. '*')) do
            local name = string.match(string.sub(key, #p + 1), '^b:(.*)$')
            if name then empty(name) else redis.call('DEL', key) end
        end
        return {}
    end
    empty('p:' .. ARGV[6] .. ':d')
    empty('c:' .. ARGV[5] .. ':d')
    empty('c:' .. ARGV[5] .. ':h')
    if ARGV[7] ~= '' then
        empty('n:' .. ARGV[7] .. ':d')
        empty('n:' .. ARGV[7] .. ':h')
        redis.call('DEL', p .. 'n:' .. ARGV[7])
    end
    return {}
end

local country, prefix, network, number = ARGV[5], ARGV[6], ARGV[7], tonumber(ARGV[8])
local weight, is_refused, is_verified = tonumber(ARGV[9]), ARGV[10] == '1', ARGV[11] == '1'
local function threshold(nth) return tonumber(ARGV[11 + nth]) end
local function stood(nth) return tonumber(ARGV[16 + nth]) end

ripen()
local prefix_weight = weight
local last = redis.call('HMGET', p .. 'l:' .. prefix, 'n', 'a')
if last[1] and math.abs(tonumber(last[1]) - number) <= NEAR and now - tonumber(last[2]) <= NEAR_MS then
    prefix_weight = weight * 2
end

local pd = turn('p:' .. prefix .. ':d', DAY, threshold(1), stood(1))
local nd, nh, countries
if network ~= '' then
    nd = turn('n:' .. network .. ':d', DAY, threshold(2), stood(2))
    nh = turn('n:' .. network .. ':h', HOUR, threshold(3), stood(3))
    local key, is_new = p .. 'n:' .. network, true
    countries = 0
    local all = redis.call('HGETALL', key)
    for at = 1, #all, 2 do
        if now - tonumber(all[at + 1]) >= DAY then
            redis.call('HDEL', key, all[at])
        else
            countries = countries + 1
            if all[at] == country then is_new = false end
        end
    end
    if is_new then countries = countries + 1 end
    if is_verified then countries = 0 end
end
local cd = turn('c:' .. country .. ':d', DAY, threshold(4), stood(4))
local ch = turn('c:' .. country .. ':h', HOUR, threshold(5), stood(5))

local figures = { pd.l + prefix_weight, -1, -1, -1, cd.l + weight, ch.l + weight }
local of_prefix = figures[1] > pd.t
local of_network = false
if nd then
    figures[2], figures[3], figures[4] = nd.l + weight, nh.l + weight, countries
    of_network = figures[2] > nd.t or figures[3] > nh.t or countries > COUNTRIES
end
local of_country = figures[5] > cd.t or figures[6] > ch.t
save(cd)
save(ch)
if of_prefix then evict(p .. 'lp:' .. prefix, 'p', prefix) end
if of_network then evict(p .. 'ln:' .. network, 'n', network) end
is_refused = is_refused or of_prefix or of_network or of_country

local s = { at = now, c = country, p = prefix, n = network, w = weight, oc = not is_refused, cd = 0, ch = 0, nd = 0, nh = 0 }
s.pd = add(pd, prefix_weight)
save(pd)
redis.call('HSET', p .. 'l:' .. prefix, 'n', whole(number), 'a', whole(now))
keep(p .. 'l:' .. prefix)
if nd then
    s.nd = add(nd, weight)
    save(nd)
    save(nh)
    redis.call('HSET', p .. 'n:' .. network, country, whole(now))
    keep(p .. 'n:' .. network)
end
if not is_refused then
    s.cd = add(cd, weight)
    save(cd)
    list(p .. 'lp:' .. prefix)
    if nd then list(p .. 'ln:' .. network) end
end
local nth = whole(now) .. '-' .. whole(redis.call('HLEN', sends(ver)))
redis.call('HSET', sends(ver), nth, cjson.encode(s))
keep(sends(ver), KEEP_SENDS)
redis.call('ZADD', p .. 'w', whole(now + YOUNG), ver .. ':' .. nth)
keep(p .. 'w')

cd, ch = read('c:' .. country .. ':d', DAY), read('c:' .. country .. ':h', HOUR)
local answer = {}
for _, level in ipairs(figures) do answer[#answer + 1] = string.format('%.6f', level) end
for _, level in ipairs({ pd.l, nd and nd.l or -1, nh and nh.l or -1, cd.l, ch.l }) do
    answer[#answer + 1] = string.format('%.6f', level)
end
return answer
