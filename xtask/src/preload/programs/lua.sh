# Trees of tables, strings built piece by piece.
case $1 in
run) LD_PRELOAD=$PRELOAD exec lua5.4 "$FIXTURES/lua.lua" ;;
esac
