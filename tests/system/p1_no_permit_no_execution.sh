# P1: without a permit, or without the durable record of the admission, the target never executes
# one instruction: not even its first ELF constructor, which would leave a mark.
mark=$PWD/w/mark
mkdir w
init
never() { [ ! -e "$mark" ] || fail "the program ran: $1"; }

writ run -- "$PROGRAMS/mark" "$mark"
expect_denied no_permit
never "without a permit"

issue other < <(request "$(rule "$PROGRAMS/probe" '"{rest}"')" 'write = ["w"]')
under other "$PROGRAMS/mark" "$mark"
expect_denied not_granted
never "under a permit for another program"

issue mark < <(request "$(rule "$PROGRAMS/mark" '"{rest}"')" 'write = ["w"]')
# The record cannot be made durable: the ledger is not writable.
if [ "$AS" = user ]; then
  chmod -R a-w "$WRIT_HOME/state/ledger"
  under mark "$PROGRAMS/mark" "$mark"
  expect_denied ledger_unavailable
  never "without a durable record"
  chmod -R u+w "$WRIT_HOME/state/ledger"
fi

# The positive control: with all in place, it runs.
under mark "$PROGRAMS/mark" "$mark"
expect_status 0
[ -e "$mark" ] || fail "the granted program did not run: the test shows nothing"
verified
