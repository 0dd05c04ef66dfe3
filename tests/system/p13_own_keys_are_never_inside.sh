# P13: Writ's own keys, trust, state and sockets are never inside a run, whatever the grant says.
probe=$PROGRAMS/probe
init
for place in "$WRIT_HOME" "$WRIT_HOME/config" "$WRIT_HOME/state" "$WRIT_HOME/config/keys/runner.pem"; do
  for field in read write; do
    request "$(rule "$probe" '"{rest}"')" "$field = [\"$place\"]" >bad.toml
    writ permit issue --no-store -o bad.permit bad.toml
    [ "$status" = 1 ] || fail "issued a grant of $place"
    expect_err reserved_path
  done
done
# By another name.
ln -s "$WRIT_HOME/config" innocent
request "$(rule "$probe" '"{rest}"')" 'read = ["innocent"]' >bad.toml
writ permit issue --no-store -o bad.permit bad.toml
[ "$status" = 1 ] || fail "issued a grant of a link to the keys"
# A tree in which one of the account's places may yet be made: it could not be covered any more.
if [ "$AS" = user ]; then
  request "$(rule "$probe" '"{rest}"')" "read = [\"$HOME\"]" >early.toml
  must permit issue --no-store -o early.permit early.toml
  under early "$probe" say no
  expect_denied reserved_path
  expect_err 'as soon as somebody makes it'
fi
mkdir -p "$HOME/.config/writ" "$HOME/.local/state/writ"
# A tree above is granted: the places in it are covered.
issue above < <(request "$(rule "$probe" '"{rest}"')" "read = [\"$(dirname "$WRIT_HOME")\"]")
for path in "$WRIT_HOME/config/keys/runner.pem" "$WRIT_HOME/config/keys/log.pem" "$WRIT_HOME/state/ledger/checkpoint" \
  "$PWD/innocent/keys/runner.pem"; do
  under above "$probe" cat "$path"
  expect_status 3
done
echo seen >visible
under above "$probe" cat "$PWD/visible"
expect_out seen
for path in "$WRIT_HOME/x" "$WRIT_HOME/config/x"; do
  under above "$probe" write "$path"
  expect_status 3
done
for pid in 1 2 self; do
  for what in root cwd fd environ maps mem; do
    under above "$probe" cat "/proc/$pid/$what/$WRIT_HOME/config/keys/runner.pem"
    expect_status 3
  done
done
refute_out 'PRIVATE KEY'
verified
