# Objects with strings and hashes.
case $1 in
run) LD_PRELOAD=$PRELOAD exec ruby --disable-gems "$FIXTURES/ruby.rb" ;;
esac
