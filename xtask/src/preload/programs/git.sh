# The history of this repository as text, and packed anew.
case $1 in
prepare) git -C "$ROOT" rev-parse HEAD >"$WORK/head" ;;
run)
    read -r head <"$WORK/head"
    { LD_PRELOAD=$PRELOAD git -C "$ROOT" -c core.pager=cat log -p --stat -C --no-color "$head" || kill $$; } | cksum
    {
        LD_PRELOAD=$PRELOAD git -C "$ROOT" pack-objects --revs --threads=1 --no-reuse-delta -q --stdout <"$WORK/head" || kill $$
    } | wc -c
    ;;
esac
