# TCP connections by the late socket: granted ones work as ever (blocking, not blocking, duplicated,
# registered with epoll, with options, v4 and v6), beside the run's own loopback; each is recorded.
# The host's loopback stands for the outside here: a loopback address granted by CIDR is the host's.
play=$PROGRAMS/net_play
[ -x /usr/bin/python3 ] || skip python3
init
/usr/bin/python3 "$(dirname "$PROGRAMS")/echo.py" 127.0.0.1 127.0.0.1/full 127.0.0.1 ::1 >heard 2>&1 &
server=$!
trap 'kill $server 2>/dev/null' EXIT
eventually 10 test -s heard || fail "the servers do not start"
read -r port full other six <heard
issue p < <(request "$(rule "$play" '"{rest}"')
[[connect]]
host = \"127.0.0.1/32\"
ports = [$port, $full, 9]
[[connect]]
host = \"::1/128\"
ports = [$six]")
for act in blocking nonblocking duplicated epolled options both many wrong; do
  "$play" $act 127.0.0.1 "$port" >/dev/null || [ $act = wrong ] || fail "ungoverned: $act"
  under p "$play" $act 127.0.0.1 "$port"
  expect_status 0
  expect_out "$act: ok"
done
for act in blocking nonblocking epolled; do
  under p "$play" $act ::1 "$six"
  expect_status 0
  expect_out "$act: ok"
done
under p "$play" nobody 127.0.0.1 9
expect_out 'nobody: ok'
under p "$play" timeout 127.0.0.1 "$full"
expect_out 'timeout: ok'

# What is not granted is refused with EACCES, recorded and explained.
under p "$play" refused 127.0.0.1 "$other"
[ "$status" = 1 ] || fail "an ungranted port of the loopback is the run's own: nobody listens there"
expect_out 'does not hold (Connection refused)'
under p "$play" refused 192.0.2.7 "$port"
expect_out 'refused: ok'
expect_err "writ: denied: connect tcp:192.0.2.7:$port"
expect_err 'host = "192.0.2.7/32"'
must explain --last
expect_out "connect tcp:192.0.2.7:$port"
expect_out 'host = "192.0.2.7/32"'
[ "$(grep -c "reached 127.0.0.1 $other" heard)" = 0 ] || fail "the ungranted port was reached"
must ledger show --tree --last
expect_out "refused: connect"
must domain show default
verified

# Policy speaks about connections too: the starter policy forbids link-local ones.
issue l < <(request "$(rule "$play" '"{rest}"')
[[connect]]
host = \"169.254.0.0/16\"
ports = [80]")
under l "$play" refused 169.254.169.254 80
expect_out 'refused: ok'
expect_err '(policy_denied)'
verified

# The budget of gate events counts connections.
issue b < <(request "$(rule "$play" '"{rest}"')
[[connect]]
host = \"127.0.0.1/32\"
ports = [$port]" '' 'events = 40')
under b "$play" many 127.0.0.1 "$port"
expect_ended limit_events
verified
