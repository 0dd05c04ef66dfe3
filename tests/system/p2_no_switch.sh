# P2, principle 2: there is no advisory mode and no switch for one, in options or configuration.
writ --help
[ "$status" = 0 ] || fail "help"
help=$out
for verb in init run permit revoke ps explain domain policy ledger proof doctor version; do
  writ "$verb" --help
  [ "$status" = 0 ] || fail "help of $verb"
  help="$help
$out"
done
if printf '%s' "$help" | grep -iE -- '--[a-z-]*(permissive|advisory|audit|allow-all|disable|unsafe|insecure|skip|ignore|force|no-enforce|no-record|dry)' >&2; then
  fail "an option that sounds like a way around"
fi
init
for word in permissive advisory audit enforce mode fallback disable; do
  cp "$WRIT_HOME/config/domains/default.toml" aside.toml
  printf '%s = true\n' "$word" | cat - aside.toml >"$WRIT_HOME/config/domains/default.toml"
  writ domain check default
  [ "$status" != 0 ] || fail "the domain accepts an unknown key: $word"
  expect_err "$word"
  cp aside.toml "$WRIT_HOME/config/domains/default.toml"
done
verified
