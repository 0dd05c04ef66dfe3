# A run can be held and let go: frozen, every process of it stands still and its gates answer
# nothing; revocation and expiry end it all the same.
probe=$PROGRAMS/probe
init
issue p < <(request "$(rule "$probe" '"{rest}"')")
background() { # NAME COMMAND...: writ run in the background, once it says that it is ready
  : >"$1.log"
  "$WRIT" run --permit p.permit -- "${@:2}" >"$1.log" 2>"$1.log.err" </dev/null &
  job=$!
  eventually 20 grep -q ready "$1.log" || fail "the job did not start: $(cat "$1.log.err")"
}
# states MARKER: the kernel's states of the job's processes, each once.
states() {
  local one
  for one in /proc/[0-9]*; do
    if tr '\0' ' ' <"$one/cmdline" | grep -q "^$probe .*$1"; then sed 's/.*) \(.\) .*/\1/' "$one/stat"; fi
  done 2>/dev/null | sort -u | tr -d '\n'
}
all_are() { [ "$(states "$1")" = "$2" ]; }
run_id() { "$WRIT" ps --json | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["runs"][0]["run"])'; }

marker=held-$$
background held "$probe" wait 20 "$marker"
all_are "$marker" S || fail "positive control: the job's processes wait: $(states "$marker")"
run=$(run_id)
must freeze "$run"
expect_out "froze $run"
eventually 10 all_are "$marker" T || fail "not all processes are stopped: $(states "$marker")"
must ps
expect_out frozen
must freeze "${run:0:20}" # again, by the start of its name: nothing changes
must freeze --json "$run"
expect_out '"state":"frozen"'
all_are "$marker" T || fail "frozen twice is frozen"
must thaw "$run"
expect_out "thawed $run"
eventually 10 all_are "$marker" S || fail "not all processes go on: $(states "$marker")"
must ps
expect_out running

must freeze "$run"
must revoke "$run"
none_living "$marker" || fail "a frozen run outlives its revocation"
wait $job
[ $? = 124 ] || fail "exit status of a revoked run"
for verb in freeze thaw; do
  writ "$verb" "$run"
  expect_status 1
  expect_err 'is no run that is alive here'
done
writ freeze short
expect_status 1

{ request "$(rule "$probe" '"{rest}"')" | sed 's/"1h"/"6s"/'; } >short.toml
must permit issue --no-store -o p.permit short.toml
marker=expiring-$$
background expiring "$probe" wait 3 "$marker"
must freeze "$(run_id)"
eventually 30 none_living "$marker" || fail "a frozen run outlives its permit"
wait $job
grep -q 'ended: expired' expiring.log.err || fail "$(cat expiring.log.err)"
verified
