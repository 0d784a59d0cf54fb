# A program that does nothing, 200 times: what it costs to be loaded.
case $1 in
run)
    count=0
    while [ $count -lt 200 ]; do
        LD_PRELOAD=$PRELOAD /bin/true || exit 1
        count=$((count + 1))
    done
    ;;
esac
