# A refusal is explained: what was asked, what refused it, what would allow it; and what is written
# down can be found again.
probe=$PROGRAMS/probe
init
issue p < <(request "$(rule "$probe" '"{rest}"')")
under p "$probe" exec "$PROGRAMS/mark" somewhere
expect_status 3
expect_err 'writ: denied: exec'
expect_err 'asked by'
expect_err 'because'
expect_err 'to allow'
expect_err "program = \"$PROGRAMS/mark\""
must explain --last
expect_out not_granted
expect_out "program = \"$PROGRAMS/mark\""
must explain --codes
for code in no_permit bad_signature not_granted changed_during_exec ledger_damaged governor_lost; do expect_out "$code"; done
must explain --last --json
expect_out '"not_granted"'
writ explain 999999
[ "$status" != 0 ] || fail "explained what is not there"
# What the advice says is what allows it.
issue q < <(request "$(rule "$probe" '"{rest}"')
$(rule "$PROGRAMS/mark" '"somewhere"')")
under q "$probe" exec "$PROGRAMS/mark" somewhere
expect_status 0
must domain list
expect_out default
must domain show default
must domain check default
verified
