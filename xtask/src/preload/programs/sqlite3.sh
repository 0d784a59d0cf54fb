# A table and its indexes in memory.
case $1 in
run) LD_PRELOAD=$PRELOAD exec sqlite3 :memory: <"$FIXTURES/sqlite3.sql" ;;
esac
