# A solver: a pigeon too many, and sums of integers.
case $1 in
prepare) awk 'BEGIN { P = 8; H = 7; for (p = 0; p < P; p++) for (h = 0; h < H; h++) printf "(declare-const p%d_%d Bool)\n", p, h
    for (p = 0; p < P; p++) { printf "(assert (or"; for (h = 0; h < H; h++) printf " p%d_%d", p, h; print "))" }
    for (h = 0; h < H; h++) for (p = 0; p < P; p++) for (q = p + 1; q < P; q++) printf "(assert (not (and p%d_%d p%d_%d)))\n", p, h, q, h
    print "(check-sat)\n(reset)"
    for (n = 0; n < 300; n++) printf "(declare-const x%d Int)\n(assert (and (> x%d %d) (< x%d %d)))\n", n, n, n, n, n + 50
    for (n = 3; n < 300; n++) printf "(assert (> (+ x%d x%d) (+ x%d %d)))\n", n, n - 1, n - 3, n % 7
    print "(check-sat)" }' >"$WORK/z3.smt2" ;;
run) LD_PRELOAD=$PRELOAD exec z3 "$WORK/z3.smt2" ;;
esac
