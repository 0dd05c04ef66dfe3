# The witness protocol on the wire (C2SP tlog-witness): every status of ours, with body and type; a
# witness killed and started again forgets nothing; and what is made of the answers of others, of a
# wrong clock and of silence: the policy decides whether that is enough, and doctor says how it stands.
[ -x "${WRIT%/*}/writ-serve" ] || fail "writ-serve is not beside writ"
speak() { /usr/bin/python3 "${WRIT%/*}/witness_talk.py" "$@" || fail "witness_talk $*"; }
served() { grep -s -m 1 -o 'http://[^ ]*' "$1"; }
stop() { # PROCESS [SIGNAL]
  kill "-${2:-TERM}" "$1"
  wait "$1" 2>/dev/null
}
init
issue p < <(request "$(rule "$PROGRAMS/probe" '"{rest}"')")
under p "$PROGRAMS/probe" say one
vkey=$(cat "$WRIT_HOME/state/ledger/vkey")
origin=${vkey%%+*}
must doctor --json
case $out in *'"what":"witnesses"'*) fail "nobody was asked yet" ;; esac
begin_witness() {
  : >witness.out
  WRIT_HOME=$PWD/witness "$WRIT" witness serve --name witness.example/w --log "$vkey" "$@" >witness.out 2>&1 &
  witness=$!
  eventually 20 served witness.out >/dev/null || fail "no witness: $(cat witness.out)"
  url=$(served witness.out)
}
begin_witness
wkey=$(head -n 1 witness.out)

# Every status; the heads are those of the log as it grows.
cp "$WRIT_HOME/state/ledger/checkpoint" small
under p "$PROGRAMS/probe" say two
cp "$WRIT_HOME/state/ledger/checkpoint" large
must ledger prove --head small -o continued
WRIT_HOME=$PWD/other "$WRIT" init --no-passphrase >/dev/null 2>&1 || fail "a second home"
speak statuses "$url" small large continued "$origin" other/state/ledger/checkpoint
# Killed, started again: it knows the size that it cosigned, and gives the head.
stop "$witness" KILL
begin_witness --port "$(printf '%s' "$url" | sed 's/.*:\([0-9]*\).*/\1/')"
speak remembers "$url" small large "$origin"
speak refusals "$url"

# The witness of a policy: what any other answer means.
printf 'log %s\nwitness W %s %s\nquorum W\n' "$vkey" "$wkey" "${url%/}" >policy
must witness ask --policy policy
expect_out "cosigned as the policy asks"
must doctor
expect_out "cosigned as the policy asks, by W"
must doctor --json
expect_out '"what":"witnesses","ok":true'
speak answering liar.out >liar.err 2>&1 &
liar=$!
eventually 20 served liar.out >/dev/null || fail "no server: $(cat liar.err)"
liar_url=$(served liar.out)
printf 'log %s\nwitness W %s %s\nquorum W\n' "$vkey" "$wkey" "${liar_url%/}" >lied
while read -r path words; do
  printf 'log %s\nwitness W %s %s\nquorum W\n' "$vkey" "$wkey" "${liar_url}$path" >lied
  writ witness ask --policy lied
  expect_status 1
  expect_out "$words"
  expect_out "not cosigned as the policy asks"
done <<'ANSWERS'
200 its answer is no cosignature
400 cannot read what it was asked
403 another key
404 does not watch
409 names no size
409-large replaced by an older one
409-for-ever others keep moving it on
422 another history
500 cannot cosign now
302 redirects are not followed
huge http://
ANSWERS
writ doctor --json
expect_status 1
expect_out '"what":"witnesses","ok":false'
writ doctor
expect_out "not cosigned as the policy asks"
expect_out "last as it asks: head"
stop "$liar"

# Unreachable: with any one of two the log goes on, with both it does not, and without a quorum it
# asks for nobody.
other_key=$(speak key witness.example/gone)
for quorum in 'group G any W X' 'group G all W X'; do
  printf 'log %s\nwitness W %s %s\nwitness X %s http://127.0.0.1:9\n%s\nquorum G\n' \
    "$vkey" "$wkey" "${url%/}" "$other_key" "$quorum" >policy
  writ witness ask --policy policy
  writ_status=$status
  expect_out "W            cosigned"
  expect_out "127.0.0.1:9"
  case $quorum in
    *any*) [ "$writ_status" = 0 ] || fail "one of two is enough" ;;
    *) [ "$writ_status" = 1 ] || fail "one of two is not both" ;;
  esac
  writ doctor
  [ "$status" = "$writ_status" ] || fail "doctor does not say what the policy says"
  expect_out "not by X: http://127.0.0.1:9"
done
writ witness ask --policy policy --wait 300ms
expect_status 1
writ witness ask --policy policy --wait soon
expect_status 2
printf 'log %s\nwitness X %s http://127.0.0.1:9\nquorum none\n' "$vkey" "$other_key" >none
must witness ask --policy none
expect_out "asks for no witness"
must doctor
expect_out "goes on without"
# A run waits for no witness.
under p "$PROGRAMS/probe" say three
expect_status 0
must doctor
expect_out "entries since"

# Waiting: the witness is away, and comes back while it is asked.
stop "$witness"
printf 'log %s\nwitness W %s %s\nquorum W\n' "$vkey" "$wkey" "${url%/}" >policy
"$WRIT" witness ask --policy policy --wait 60s --json >waited 2>&1 &
waiting=$!
asked() { grep -q '"ok":false' "$WRIT_HOME/state/witness-report"; }
eventually 20 asked || fail "it did not ask"
begin_witness --port "$(printf '%s' "$url" | sed 's/.*:\([0-9]*\).*/\1/')"
wait "$waiting" || fail "it did not wait: $(cat waited)"
grep -q '"cosigned":true' waited || fail "not cosigned: $(cat waited)"
must doctor
stop "$witness"

# A witness's clock: what it saw counts, a time that is yet to come says nothing.
ledger=$WRIT_HOME/state/ledger
cp "$ledger/cosigned" kept
printf 'log %s\nwitness X %s\nquorum X\n' "$vkey" "$other_key" >by_x
head -n 5 "$ledger/checkpoint" >bare # the log's own signature alone
for seconds in 9223372036854775807 $(($(date +%s) + 86400)); do
  speak cosign witness.example/gone bare "$seconds" >"$ledger/cosigned"
  must ledger verify --policy by_x
  expect_out "X (its clock is ahead of ours: when is not known) saw these"
done
speak cosign witness.example/gone bare 1000000000 >"$ledger/cosigned"
must ledger verify --policy by_x
expect_out "X (2001-09-09T01:46:40.000Z) saw these"
speak cosign witness.example/gone bare 0 >"$ledger/cosigned"
writ ledger verify --policy by_x
expect_status 1
expect_err not_witnessed
cp kept "$ledger/cosigned"

# A report that is no report is said, and written anew by the next question.
printf '{"ok":true' >"$WRIT_HOME/state/witness-report"
writ doctor
expect_status 1
expect_out "writes it anew"
must witness ask --policy none
must doctor
verified
