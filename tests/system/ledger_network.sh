# The ledger on the network: served read-only and read by a stranger over HTTP; a witness of our own
# cosigns heads, and finds a state directory that was replaced by an older one.
[ -x "${WRIT%/*}/writ-serve" ] || fail "writ-serve is not beside writ"
get() { /usr/bin/python3 -c 'import sys, urllib.request as u
try:
    r = u.urlopen(u.Request(sys.argv[1], method=sys.argv[2] if len(sys.argv) > 2 else "GET"), timeout=10)
    sys.stdout.buffer.write(r.read())
except u.HTTPError as e:
    print("status", e.code)' "$@"; }
# served FILE: the address that a server printed there.
served() { grep -s -m 1 -o 'http://[^ ]*' "$1"; }
stop() {
  kill "$1"
  wait "$1" 2>/dev/null
}
init
issue p < <(request "$(rule "$PROGRAMS/probe" '"{rest}"')")
under p "$PROGRAMS/probe" say one
vkey=$(cat "$WRIT_HOME/state/ledger/vkey")
origin=${vkey%%+*}

"$WRIT" ledger serve >serve.out 2>&1 &
server=$!
eventually 20 served serve.out >/dev/null || fail "no server: $(cat serve.out)"
url=$(served serve.out)
get "${url}checkpoint" >checkpoint
cmp -s checkpoint "$WRIT_HOME/state/ledger/checkpoint" || fail "another checkpoint was served"
size=$(sed -n 2p checkpoint)
get "${url}tile/entries/000.p/$size" >bundle
cmp -s bundle "$WRIT_HOME/state/ledger/tile/entries/000.p/$size" || fail "another bundle was served"
for path in ../config/keys/log.pem vkey segment-00000000000000000000 tile/0/../../vkey tile/0/999 %2e%2e/vkey; do
  [ "$(get "$url$path")" = "status 404" ] || fail "$path should not be served"
done
[ "$(get "${url}checkpoint" POST)" = "status 405" ] || fail "it is not read only"
stop "$server"

# A witness with a home of its own.
WRIT_HOME=$PWD/witness "$WRIT" witness serve --name witness.example/w --log "$vkey" >witness.out 2>&1 &
witness=$!
eventually 20 served witness.out >/dev/null || fail "no witness: $(cat witness.out)"
url=$(served witness.out)
wkey=$(head -n 1 witness.out)
printf 'log %s\nwitness W %s %s\nquorum W\n' "$vkey" "$wkey" "${url%/}" >policy
writ ledger verify --policy policy
expect_status 1
expect_err not_witnessed
must witness ask --policy policy
expect_out "cosigned as the policy asks"
must ledger verify --policy policy
expect_out "and no other history"
under p "$PROGRAMS/probe" say two
cp -a "$WRIT_HOME/state" older
under p "$PROGRAMS/probe" say three
must witness ask --policy policy
must witness ask --policy policy --json
expect_out '"cosigned":true'
must ledger prove 2 --cosigned -o proof
must ledger prove --check proof --policy policy
expect_out "witnesses: W"
must witness head "$url" --origin "$origin" -o seen
must ledger verify --head seen

# The whole state directory replaced by an older copy.
rm -rf "$WRIT_HOME/state"
cp -a older "$WRIT_HOME/state"
must ledger verify
writ ledger verify --head seen
expect_status 1
expect_err head_behind_kept
writ witness ask --policy policy
expect_status 1
expect_out "replaced by an older one"
stop "$witness"
writ witness ask --policy missing
[ "$status" = 1 ] || [ "$status" = 2 ] || fail "a policy that is not there was asked"
writ witness serve
expect_status 2
writ ledger serve --address nowhere
expect_status 2
# Nobody there: said, and it is not enough.
writ witness ask --policy policy
expect_status 1
expect_out "not cosigned as the policy asks"
