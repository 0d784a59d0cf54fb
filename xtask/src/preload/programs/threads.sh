# Threads that trade blocks with each other, and forks in between.
case $1 in
prepare) g++ -std=c++17 -O1 -pthread -o "$WORK/threads" "$FIXTURES/threads.cpp" ;;
run) LD_PRELOAD=$PRELOAD exec "$WORK/threads" ;;
esac
