# Exit statuses and streams: the program's own status, 128+n for a signal, 126, 127, 2, and nothing
# of Writ's on standard output.
probe=$PROGRAMS/probe
init
issue p < <(request "$(rule "$probe" '"{rest}"')")
under p "$probe" exit 7
expect_status 7
[ -z "$out" ] || fail "Writ wrote to standard output"
[ "$(printf '%s\n' "$err" | wc -l)" = 1 ] || fail "more than one line of Writ's own"
under p "$probe" signal 15
expect_status 143
under p "$probe" exit 124
expect_status 124
expect_err 'ended: exited 124'
writ run --permit p.permit -- no-such-program-anywhere
expect_status 127
writ run --permit p.permit
expect_status 2
writ frobnicate
expect_status 2
writ run --frobnicate -- "$probe"
expect_status 2
writ version
expect_status 0
expect_out 0.1.0
printf 'through' >input
"$WRIT" run --quiet --permit p.permit -- "$probe" cat /dev/stdin <input >copy 2>err
[ "$(cat copy)" = through ] || fail "standard input: $(cat err)"
[ ! -s err ] || fail "--quiet is not quiet: $(cat err)"
verified
