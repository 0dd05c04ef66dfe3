# P2: a missing key, an unreadable or altered ledger, a damaged policy, an unknown domain: each
# denies with its own reason code, and nothing runs.
mkdir w
mark=$PWD/w/mark
init
issue mark < <(request "$(rule "$PROGRAMS/mark" '"{rest}"')" 'write = ["w"]')
denied_when() { # CODE: runs and expects the denial; the program never runs
  under mark "$PROGRAMS/mark" "$mark"
  expect_denied "$1"
  [ ! -e "$mark" ] || fail "the program ran although: $1"
}
config=$WRIT_HOME/config state=$WRIT_HOME/state

writ run --domain nowhere --permit mark.permit -- "$PROGRAMS/mark" "$mark"
expect_denied unknown_domain

for key in runner log; do
  mv "$config/keys/$key.pem" aside
  denied_when key_unavailable
  mv aside "$config/keys/$key.pem"
done

cp "$config/policy/default.bundle" aside
printf 'x' | dd of="$config/policy/default.bundle" bs=1 seek=100 conv=notrunc 2>/dev/null
denied_when policy_invalid
: >"$config/policy/default.bundle"
denied_when policy_invalid
cp aside "$config/policy/default.bundle"

printf 'no_such_key = 1\n' >>"$config/domains/default.toml"
under mark "$PROGRAMS/mark" "$mark"
[ "$status" = 126 ] || fail "a damaged domain definition must deny"
[ ! -e "$mark" ] || fail "the program ran under a damaged domain"
sed -i '/no_such_key/d' "$config/domains/default.toml"

# An altered ledger: the head no longer verifies.
cp -a "$state/ledger" ledger.good
sed -i '3s/^...../AAAAA/' "$state/ledger/checkpoint"
denied_when ledger_damaged
rm -rf "$state/ledger"
denied_when ledger_unavailable
cp -a ledger.good "$state/ledger"

under mark "$PROGRAMS/mark" "$mark"
expect_status 0
[ -e "$mark" ] || fail "positive control: with all restored it runs"
verified
