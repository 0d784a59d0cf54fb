# A page of text and curves, drawn.
case $1 in
run) LD_PRELOAD=$PRELOAD gs -q -dNOSAFER -dBATCH -dNOPAUSE -sDEVICE=ppmraw -r100 -sOutputFile=- "$FIXTURES/gs.ps" | cksum ;;
esac
