# Unix sockets of the host that lie in granted trees, by every name and in races: none is reached. The host's
# listeners say what reached them.
attack=$PROGRAMS/attack_local
[ -x /usr/bin/python3 ] || skip python3
mkdir r w
init
: >heard
/usr/bin/python3 "$(dirname "$PROGRAMS")/echo.py" unix:r/socket unix:w/socket >heard 2>&1 &
server=$!
trap 'kill $server 2>/dev/null' EXIT
eventually 10 grep -q w/socket heard || fail "the servers do not start"
works_outside "$attack" 'in_read_tree in_write_tree not_blocking by_symlink by_descriptor by_directory
  hard_linked moved race_file peer_killed peer_number' "$PWD/r/socket" "$PWD/w/socket" "$PWD/w" "$SCRATCH"
for what in r w; do
  eventually 5 grep -q "reached $what/socket" heard || fail "positive control: $what is heard"
done
before=$(grep -c reached heard)
issue p < <(request "$(rule "$attack" '"{rest}"')" 'read = ["r"]
write = ["w"]')
issue q < <(request "$(rule "$attack" '"{rest}"')
[[connect]]
host = \"192.0.2.0/24\"
ports = [80]" 'read = ["r"]
write = ["w"]')
for permit in p q; do
  attacks $permit "$attack" "$PWD/r/socket" "$PWD/w/socket" "$PWD/w" /tmp
  [ "$(grep -c reached heard)" = "$before" ] || fail "a socket of the host was reached: $(tail -3 heard)"
done
verified
