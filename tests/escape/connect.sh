# More than the granted connections: other ports and addresses, races for the address and the
# descriptor, and everything that a socket of the host could be turned into. The host's listener says
# what reached it.
[ -x /usr/bin/python3 ] || skip python3
family=connect
attack=$PROGRAMS/attack_connect
controls='other_port other_mapped other_fast_open other_fast_open_message other_deferred race_address
  race_address_nonblocking late_reconnect late_listen late_bind late_shut_reconnect late_interfaces
  late_device'
late=0.3
prepare() {
  local port full
  /usr/bin/python3 "$(dirname "$PROGRAMS")/echo.py" 127.0.0.1 127.0.0.1 127.0.0.1/full >heard 2>&1 &
  server=$!
  trap 'kill $server 2>/dev/null' EXIT
  eventually 10 test -s heard || fail "the servers do not start"
  read -r port other full <heard
  arguments=(127.0.0.1 "$port" "$other" "$full")
  # 127.0.0.1 is the host's where a port of it is granted; every other port is the run's own.
  grant '' '' "[[connect]]
host = \"127.0.0.1/32\"
ports = [$port, $full]"
}
reached() { grep -c "reached 127.0.0.1 $other" heard; }
fresh() { before=$(reached); }
harmed() { [ "$(reached)" != "$before" ] && tail -n1 heard; }
escape
grep -q "reached 127.0.0.1 ${arguments[1]}" heard || fail "positive control: the granted port was reached"
