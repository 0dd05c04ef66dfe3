# Serving where it is not granted: other ports, addresses and families, a port that somebody else
# serves, races for the address, and what a socket of the host could be turned into. A client outside
# knocks at all these ports all the time: it says what was served.
attack=$PROGRAMS/attack_listen
lib=$(dirname "$PROGRAMS")
[ -x /usr/bin/python3 ] || skip python3
init
read -r port other shared six < <(/usr/bin/python3 "$lib/free_ports.py" 4)
cat >share.py <<'PY'
import socket, sys, time
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen()
print("shared", flush=True)
time.sleep(600)
PY
/usr/bin/python3 share.py "$shared" >sharing 2>&1 &
sharing=$!
/usr/bin/python3 "$lib/knock.py" 127.0.0.1 "$port" "$other" "$six" >heard 2>&1 &
knocking=$!
trap 'kill $sharing $knocking 2>/dev/null' EXIT
eventually 10 test -s sharing || fail "no shared port"
eventually 10 test -s heard || fail "no client"
arguments=(127.0.0.1 "$port" "$other" "$shared" "$six")
# As the run's user would, who has no privilege: the port is shared with the same user only.
works_outside "$attack" 'granted other_port other_every_address other_mapped every_address
  every_mapped_address shared_port race_port' "${arguments[@]}"
works_outside "$attack" 'other_both_families v6_for_both race_families' "${arguments[@]}"
eventually 5 grep -q "reached $other" heard || fail "positive control: the other port is heard"
eventually 5 grep -q "reached $six" heard || fail "positive control: IPv4 at the port for IPv6"
before=$(grep -c "reached $other\|reached $six" heard)
issue p < <(request "$(rule "$attack" '"{rest}"')
[[listen]]
host = \"127.0.0.1/32\"
ports = [$port, $shared]
[[listen]]
host = \"::/0\"
ports = [$six, $shared]")
attacks p "$attack" "${arguments[@]}"
under p "$attack" granted "${arguments[@]}"
expect_out 'got through: served a client'
[ "$(grep -c "reached $other\|reached $six" heard)" = "$before" ] ||
  fail "what is not granted was served: $(tail -3 heard)"
verified
