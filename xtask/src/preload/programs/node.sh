# Objects, JSON and buffers.
case $1 in
run) LD_PRELOAD=$PRELOAD exec node "$FIXTURES/node.js" ;;
esac
