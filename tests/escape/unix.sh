# Unix sockets of the host that lie in granted trees, by every name and in races: none is reached. The host's
# listeners say what reached them.
[ -x /usr/bin/python3 ] || skip python3
family=unix
attack=$PROGRAMS/attack_local
controls='in_read_tree in_write_tree not_blocking by_symlink by_descriptor by_directory hard_linked moved
  race_file peer_killed peer_number'
late=0.3
arguments=("$PWD/r/socket" "$PWD/w/socket" "$PWD/w" "$PWD/w")
prepare() {
  mkdir r w
  : >heard
  /usr/bin/python3 "$(dirname "$PROGRAMS")/echo.py" unix:r/socket unix:w/socket >heard 2>&1 &
  server=$!
  trap 'kill $server 2>/dev/null' EXIT
  eventually 10 grep -q w/socket heard || fail "the servers do not start"
  grant r w
}
fresh() { before=$(grep -c reached heard); }
harmed() { [ "$(grep -c reached heard)" != "$before" ] && tail -n1 heard; }
escape
for what in r w; do grep -q "reached $what/socket" heard || fail "positive control: $what is heard"; done
# The same where connections are granted, so that the gate answers.
grant r w '[[connect]]
host = "192.0.2.0/24"
ports = [80]'
fresh
attacks p "$attack" "${arguments[@]}"
harmed && fail "a socket of the host was reached"
verified
