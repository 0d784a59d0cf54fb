# A server under the benchmark that comes with it.
socket=$WORK/redis.$$
client() { redis-cli -s "$socket" "$@"; }
case $1 in
run)
    LD_PRELOAD=$PRELOAD redis-server --port 0 --unixsocket "$socket" --save '' --appendonly no --dir "$WORK" >"$WORK/redis.log" 2>&1 &
    tries=0
    until [ "$(client ping 2>/dev/null)" = PONG ]; do
        tries=$((tries + 1))
        [ $tries -le 1000 ] || exit 1
        sleep 0.01
    done
    redis-benchmark -s "$socket" -n 100000 -r 100000 -P 16 -c 20 -d 100 -q -t set,get,lpush,sadd,hset >/dev/null
    client eval "for n = 1, 100000 do redis.call('hset', 'h' .. n % 1000, 'field ' .. n, string.rep('v', n % 200)) end
        local sum = 0
        for n = 0, 999 do for _, v in ipairs(redis.call('hvals', 'h' .. n)) do sum = sum + #v end end
        return sum" 0
    client llen mylist
    client shutdown nosave
    wait
    ;;
esac
