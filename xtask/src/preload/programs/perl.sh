# Hashes, strings and a sort.
case $1 in
run) LD_PRELOAD=$PRELOAD exec perl "$FIXTURES/words.pl" ;;
esac
