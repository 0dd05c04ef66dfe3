# P5: expiry, revocation, limits and the loss of the governor end running work, every descendant
# included.
probe=$PROGRAMS/probe
init
wait_ready() { # FILE
  eventually 20 grep -q ready "$1" || fail "the job did not start: $(cat "$1" "$1.err")"
}
background() { # NAME COMMAND...: writ run in the background
  local name=$1
  shift
  "$WRIT" run --permit "$name.permit" -- "$@" >"$name.log" 2>"$name.log.err" </dev/null &
  job=$!
}

issue gone < <(request "$(rule "$probe" '"{rest}"')")
marker=revoked-$$
background gone "$probe" wait 30 "$marker"
wait_ready gone.log
must ps
expect_out running
[ "$(living "$marker")" -ge 30 ] || fail "positive control: the job lives"
must revoke --reason test gone.permit
none_living "$marker" || fail "processes are left when revoke returns"
wait $job
[ $? = 124 ] || fail "exit status of a revoked run"
grep -q 'ended: revoked' gone.log.err || fail "$(cat gone.log.err)"
under gone "$probe" say no
expect_denied revoked

{ request "$(rule "$probe" '"{rest}"')" | sed 's/"1h"/"4s"/'; } >short.toml
must permit issue --no-store -o short.permit short.toml
marker=expired-$$
under short "$probe" wait 5 "$marker"
expect_ended expired
none_living "$marker" || fail "processes outlive the permit"

{ request "$(rule "$probe" '"{rest}"')" | sed 's/wall = "1m"/wall = "1s"/'; } >wall.toml
must permit issue --no-store -o wall.permit wall.toml
under wall "$probe" wait 5 "wall-$$"
expect_ended limit_wall
none_living "wall-$$" || fail "processes outlive the wall limit"

issue lost < <(request "$(rule "$probe" '"{rest}"')")
marker=lost-$$
background lost "$probe" wait 30 "$marker"
wait_ready lost.log
kill -9 $job
wait $job 2>/dev/null
eventually 5 none_living "$marker" || fail "the run outlives its governor"
# Whoever takes the lock next records what happened to it.
under gone "$probe" say no
expect_denied revoked
must ledger show
expect_out governor_lost

issue daemon < <(request "$(rule "$probe" '"{rest}"')" 'write = ["."]')
under daemon "$probe" daemon "$PWD/outlived"
expect_status 0
sleep 2.5
[ ! -e outlived ] || fail "a daemon outlived its run"
verified
