# Objects, strings, JSON and threads, each object from malloc.
case $1 in
prepare) python3 -c 'import sys; print(sys.executable)' >"$WORK/python3" ;;
run)
    read -r python <"$WORK/python3"
    PYTHONMALLOC=malloc LD_PRELOAD=$PRELOAD exec "$python" "$FIXTURES/python3.py"
    ;;
esac
