# A JSON document: grouped, sorted, summed.
case $1 in
prepare) awk 'BEGIN { printf "["; for (n = 0; n < 40000; n++) printf "%s{\"n\":%d,\"name\":\"item %d\",\"tags\":[\"a%d\",\"b%d\"]}", n ? "," : "", n, n * 7919 % 40009, n % 13, n % 7; print "]" }' >"$WORK/jq.json" ;;
run) LD_PRELOAD=$PRELOAD jq -c 'group_by(.tags[0]) | map({tag: .[0].tags[0], sum: (map(.n) | add), last: (map(.name) | sort | last)})' "$WORK/jq.json" ;;
esac
