# `writ init` twice, on a read-only home, with a damaged configuration: each a sentence, and nothing
# half made or lost.
init
before=$(find "$WRIT_HOME" -type f -exec sha256sum {} + | sort)
writ init --no-passphrase
expect_status 1
[ "$(printf '%s\n' "$err" | wc -l)" -le 3 ] || fail "more than a sentence"
[ "$before" = "$(find "$WRIT_HOME" -type f -exec sha256sum {} + | sort)" ] || fail "init twice changed something"

if [ "$AS" = user ]; then
  mkdir closed
  chmod 500 closed
  WRIT_HOME=$PWD/closed/home writ init --no-passphrase
  [ "$status" != 0 ] || fail "init under a read-only directory"
  expect_err "$PWD/closed"
  [ -z "$(ls -A closed)" ] || fail "something half made"
  chmod 700 closed
fi

printf 'frobnicate = true\n' >"$WRIT_HOME/config/writ.toml.bad"
cat "$WRIT_HOME/config/writ.toml.bad" "$WRIT_HOME/config/writ.toml" >both 2>/dev/null || cp "$WRIT_HOME/config/writ.toml.bad" both
cp both "$WRIT_HOME/config/writ.toml"
writ run -- true
[ "$status" != 0 ] || fail "a damaged configuration was taken"
expect_err writ.toml
expect_err frobnicate
