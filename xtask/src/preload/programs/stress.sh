# One of the small programs in `stress`, named by $NAME.
case $1 in
prepare) cc -O2 -fno-builtin -pthread -o "$WORK/stress-$NAME" "$FIXTURES/stress/$NAME.c" ;;
run) LD_PRELOAD=$PRELOAD exec "$WORK/stress-$NAME" ;;
esac
