# A document as a tree: read, searched and written again.
case $1 in
prepare) awk 'BEGIN { print "<all>"; for (n = 0; n < 60000; n++) printf "<item id=\"%d\" kind=\"k%d\"><name>item %d</name><p>text &amp; more %d</p></item>\n", n, n % 17, n * 7919 % 60013, n; print "</all>" }' >"$WORK/all.xml" ;;
run)
    { LD_PRELOAD=$PRELOAD xmllint --format "$WORK/all.xml" || kill $$; } | cksum
    LD_PRELOAD=$PRELOAD xmllint --xpath 'count(//item[@kind="k3"]/name)' "$WORK/all.xml"
    ;;
esac
