# More than the granted connections: other ports and addresses, races for the address and the
# descriptor, and everything that a socket of the host could be turned into. The host's listener says
# what reached it.
attack=$PROGRAMS/attack_connect
[ -x /usr/bin/python3 ] || skip python3
init
/usr/bin/python3 "$(dirname "$PROGRAMS")/echo.py" 127.0.0.1 127.0.0.1 127.0.0.1/full >heard 2>&1 &
server=$!
trap 'kill $server 2>/dev/null' EXIT
eventually 10 test -s heard || fail "the servers do not start"
read -r port other full <heard
works_outside "$attack" 'other_port other_mapped other_fast_open other_deferred race_address
  race_address_nonblocking late_reconnect late_listen late_bind late_shut_reconnect late_interfaces
  late_device' 127.0.0.1 "$port" "$other" "$full"
eventually 5 grep -q "reached 127.0.0.1 $other" heard || fail "positive control: the other port is heard"
before=$(grep -c "reached 127.0.0.1 $other" heard)
# 127.0.0.1 is the host's where a port of it is granted; every other port is the run's own.
issue p < <(request "$(rule "$attack" '"{rest}"')
[[connect]]
host = \"127.0.0.1/32\"
ports = [$port, $full]")
attacks p "$attack" 127.0.0.1 "$port" "$other" "$full"
under p "$attack" granted 127.0.0.1 "$port" "$other" "$full"
expect_out 'got through: connected'
sleep 0.2
[ "$(grep -c "reached 127.0.0.1 $other" heard)" = "$before" ] ||
  fail "the ungranted port of the host was reached: $(tail -3 heard)"
grep -q "reached 127.0.0.1 $port" heard || fail "positive control: the granted port was reached"
verified
