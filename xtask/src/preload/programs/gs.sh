# A page of text and curves, drawn.
case $1 in
run)
    # Where it is only unpacked, it does not know its own folders.
    home=$(command -v gs)
    for init in "${home%/bin/gs}"/share/ghostscript/*/Resource/Init; do
        GS_LIB=$init:${init%/Init}/Font:${init%/Resource/Init}/lib:${home%/bin/gs}/share/fonts/type1/urw-base35
    done
    export GS_LIB
    { LD_PRELOAD=$PRELOAD gs -q -dNOSAFER -dBATCH -dNOPAUSE "-sGenericResourceDir=${init%Init}" -sDEVICE=ppmraw -r100 \
        -sOutputFile=- "$FIXTURES/gs.ps" || kill $$; } | cksum
    ;;
esac
