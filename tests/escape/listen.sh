# Serving where it is not granted: other ports, addresses and families, a port that somebody else
# serves, races for the address, and what a socket of the host could be turned into. A client outside
# knocks at all these ports all the time: it says what was served.
[ -x /usr/bin/python3 ] || skip python3
family=listen
attack=$PROGRAMS/attack_listen
controls='other_port other_every_address other_mapped every_address every_mapped_address shared_port race_port
  other_both_families v6_for_both race_families'
late=0.3
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
prepare() {
  local lib port shared
  lib=$(dirname "$PROGRAMS")
  read -r port other shared six < <(/usr/bin/python3 "$lib/free_ports.py" 4)
  /usr/bin/python3 share.py "$shared" >sharing 2>&1 &
  sharing=$!
  /usr/bin/python3 "$lib/knock.py" 127.0.0.1 "$port" "$other" "$six" >heard 2>&1 &
  knocking=$!
  trap 'kill $sharing $knocking 2>/dev/null' EXIT
  eventually 10 test -s sharing || fail "no shared port"
  eventually 10 test -s heard || fail "no client"
  # As the run's user would, who has no privilege: the port is shared with the same user only.
  arguments=(127.0.0.1 "$port" "$other" "$shared" "$six")
  grant '' '' "[[listen]]
host = \"127.0.0.1/32\"
ports = [$port, $shared]
[[listen]]
host = \"::/0\"
ports = [$six, $shared]"
}
reached() { grep -c "reached $other\|reached $six" heard; }
fresh() { before=$(reached); }
harmed() { [ "$(reached)" != "$before" ] && tail -n1 heard; }
escape
for port in "$other" "$six"; do
  grep -q "reached $port" heard || fail "positive control: port $port is heard"
done
