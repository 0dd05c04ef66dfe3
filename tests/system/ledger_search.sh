# A log worth an index: the same answers with it, without it and with a bad one; made by whoever asks,
# named by fsck when it is wrong; nothing left behind by Ctrl-C.
init
issue p < <(request "$(rule "$PROGRAMS/probe" '"{rest}"')" '' 'events = 10000')
state=$WRIT_HOME/state
index=$state/index
under p "$PROGRAMS/probe" say first
[ ! -e "$index" ] || fail "a small log needs no index"
# An event outside runs, by its name, which begins like an option.
must explain -/0
expect_out "entry 0, -/0"
must explain outside/0
expect_out "entry 0, -/0"
must ledger prove -/0 -o genesis.tlog-proof
must ledger export --receipt -/1 -o domain.receipt
for none in -/999 -/x -/ outside/00 -/-1; do
  writ explain "$none"
  expect_status 1
done
under p "$PROGRAMS/probe" refusals 2500 "$PROGRAMS/mark"
under p "$PROGRAMS/probe" exit 3
under p "$PROGRAMS/mark" nowhere
expect_status 126

# questions: what is asked, each answer on its own.
must ledger show --kind admission --json
run=$(printf '%s' "$out" | grep -o '"run":"[^"]*"' | sed -n 2p | cut -d'"' -f4)
permit=$(printf '%s' "$out" | grep -o '"permit":"[0-9a-f]*"' | head -n 1 | cut -d'"' -f4 | cut -c1-9)
questions() {
  local question
  while read -r question; do
    # shellcheck disable=SC2086
    "$WRIT" $question >>"$1" 2>>"$1.err" || fail "writ $question: $(tail -n 3 "$1.err")"
  done <<ASK
ledger show --kind end
ledger show --reason not_granted --from 400 --to 450
ledger show --permit $permit --kind admission
ledger show $run --kind exec --json
ledger show --since 1h --kind denial
ledger show --last
ledger show --last --tree
ledger show --command probe --kind end
explain --last
explain $run/7
explain $run/2100
ps --all
ASK
}
questions with
[ -s "$index" ] || fail "no index was made"
[ "$(stat -c %a "$index")" = 600 ] || fail "others can read the index"
for kind in removed spoilt emptied; do
  case $kind in
    removed) rm "$index" ;;
    spoilt) head -c 100000 /dev/zero | tr '\0' x >"$index" ;;
    emptied) : >"$index" ;;
  esac
  rm -f again again.err
  questions again
  cmp with again || fail "other answers with an index that was $kind"
done
# No index can be made: the log is read, and that is said, once.
if [ "$AS" = root ]; then
  mount --bind "$state" "$state" && mount -o remount,ro,bind "$state" || skip "a mount of one's own"
  trap 'umount "$state"' EXIT
else
  chmod 500 "$state"
fi
rm -f again again.err
writ ledger show --kind end
expect_status 0
[ -z "$err" ] || fail "the index that is there serves"
if [ "$AS" = user ]; then
  chmod 700 "$state" && rm "$index" "$index.lock" && chmod 500 "$state"
  writ ledger show --kind end
  expect_status 0
  [ "$(printf '%s\n' "$err" | grep -c 'read as a whole')" = 1 ] || fail "it is said once why there is no index"
  writ ledger show --kind end --quiet
  [ -z "$err" ] || fail "--quiet says nothing"
  chmod 700 "$state"
else
  umount "$state"
  trap - EXIT
fi

# What an altered index leaves out is found by fsck, which removes it.
must ledger show --kind end
/usr/bin/python3 - "$index" <<'PY' || fail "altering the index"
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("DELETE FROM entries WHERE leaf = 700")
db.commit()
PY
writ ledger fsck --look-only
expect_status 14
expect_out index_differs
writ ledger fsck --json
expect_status 14
expect_out '"name":"index_differs"'
[ ! -e "$index" ] || fail "fsck did not remove it"
must ledger fsck

# ps --all: every run, with how it ended.
must ps --all
[ "$(printf '%s\n' "$out" | grep -c ' exited ')" = 3 ] || fail "three runs have ended"
must ps --all --json
expect_out '"status":3'
expect_out '"denied":2500'
must ps
refute_out exited

# Ctrl-C while it is made: nothing left but what serves. Killed: what is left does no harm.
# (--foreground: one signal. A second one kills at once.)
for signal in INT KILL; do
  for delay in 0.01 0.03 0.06 0.1 0.2; do
    rm -f "$index"
    timeout --foreground --preserve-status -s $signal "$delay" "$WRIT" ledger show --kind end >/dev/null 2>&1
    [ $signal = KILL ] || [ ! -e "$index-journal" ] || fail "a journal was left behind"
    must ledger show --kind end
    must ledger fsck
  done
done
verified
