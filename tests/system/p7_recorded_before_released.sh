# P7: every exec and every refusal has its record, numbered without gaps, and the closing totals
# agree with them.
probe=$PROGRAMS/probe
init
issue p < <(request "$(rule "$probe" '"{rest}"')")
under p "$probe" again 20 done
expect_status 0
expect_out done
expect_err '21 execs'
under p "$probe" refusals 7 "$PROGRAMS/mark"
expect_status 0
expect_err '7 denied'
writ ledger show --json --last
expect_status 0
count=$(printf '%s' "$out" | grep -o '"kind":"refusal"' | wc -l)
[ "$count" = 7 ] || fail "7 refusals, $count records"
# A program that is not there is no refusal: shells look through PATH.
under p "$probe" exec /usr/bin/no-such-program
expect_status 3
expect_out "No such file"
expect_err '0 denied'
verified
