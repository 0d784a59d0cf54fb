# The C++ compiler on templates: what it makes of them must be the same.
case $1 in
run) { LD_PRELOAD=$PRELOAD g++ -std=c++17 -O1 -S -o - "$FIXTURES/templates.cpp" || kill $$; } | cksum ;;
esac
