# P9: every recorded decision is derived again from ledger/ and objects/ alone, and a changed input
# is found.
probe=$PROGRAMS/probe
init
issue p < <(request "$(rule "$probe" '"{rest}"')")
under p "$probe" say one
under p "$probe" exec "$PROGRAMS/mark"
verified
expect_out replayed
# From a copy of ledger/ and objects/ alone, without keys or configuration.
mkdir -p alone/state
cp -r "$WRIT_HOME/state/ledger" "$WRIT_HOME/state/objects" alone/state/
WRIT_HOME=$PWD/alone writ ledger verify
expect_status 0
for object in $(find alone/state/objects -type f | head -40); do
  cp "$object" aside
  chmod u+w "$object"
  printf 'x' >>"$object"
  WRIT_HOME=$PWD/alone writ ledger verify
  [ "$status" = 1 ] || fail "an altered object was not noticed: $object"
  cp aside "$object"
done
