# Unix sockets: the run's own work as ever, below /tmp, in a write tree and by abstract names, with
# and without a grant of endpoints. The host's are reached where the permit names their path, whether
# the run's root shows it or not; every other is refused, recorded and explained.
play=$PROGRAMS/local_play
[ -x /usr/bin/python3 ] || skip python3
mkdir r w hidden
init
: >heard
/usr/bin/python3 "$(dirname "$PROGRAMS")/echo.py" unix:r/granted unix:r/other unix:hidden/granted \
  unix:hidden/other >heard 2>&1 &
server=$!
trap 'kill $server 2>/dev/null' EXIT
eventually 10 grep -q hidden/other heard || fail "the servers do not start"
"$play" own "$PWD/w" >/dev/null || fail "ungoverned: own"
issue p < <(request "$(rule "$play" '"{rest}"')" 'read = ["r"]
write = ["w"]')
issue q < <(request "$(rule "$play" '"{rest}"')
[[connect]]
unix = \"$PWD/r/granted\"
[[connect]]
unix = \"$PWD/hidden/granted\"
[[connect]]
host = \"192.0.2.0/24\"
ports = [80]" 'read = ["r"]
write = ["w"]')
for permit in p q; do
  for dir in /tmp "$PWD/w"; do
    under $permit "$play" own "$dir"
    expect_status 0
    expect_out 'own: ok'
  done
done

for path in r/granted hidden/granted; do
  under q "$play" talk "$PWD/$path"
  expect_status 0
  expect_out 'talk: ok'
  must ledger show --tree --last
  expect_out "unix:$PWD/$path"
done
[ "$(grep -c reached heard)" = 2 ] || fail "the granted ones were reached"

# Without its grant a socket that lies in a read tree is refused; what is not shown is not there.
for permit in p q; do
  under $permit "$play" refused "$PWD/r/other" 13
  expect_out 'refused: ok'
  expect_err "writ: denied: connect unix:$PWD/r/other"
  expect_err "unix = \"$PWD/r/other\""
  must explain --last
  expect_out "connect unix:$PWD/r/other"
  under $permit "$play" refused "$PWD/hidden/other" 2
  expect_out 'refused: ok'
done
under p "$play" refused "$PWD/r/granted" 13
expect_out 'refused: ok'
[ "$(grep -c reached heard)" = 2 ] || fail "an ungranted one was reached: $(tail -2 heard)"

# A link that the host puts in the way of a granted path that is not shown leads nowhere.
mv hidden/granted hidden/aside && ln -s other hidden/granted
under q "$play" refused "$PWD/hidden/granted" 111
expect_out 'refused: ok'
[ "$(grep -c reached heard)" = 2 ] || fail "the link was followed"
# Writ's own sockets are never granted.
{
  request "$(rule "$play" '"{rest}"')
[[connect]]
unix = \"$WRIT_HOME/run/x.sock\""
} >f.toml
writ permit issue --no-store -o f.permit f.toml
[ "$status" != 0 ] || under f "$play" talk /tmp/x
expect_err '(reserved_path)'
verified
