# A job that fills its standard error and offers a FIFO to exec stalls nobody.
probe=$PROGRAMS/probe
mkdir w
mkfifo w/fifo
init
issue p < <(request "$(rule "$probe" '"{rest}"')" 'write = ["w"]')
# Nobody reads standard error for a while: the job goes on.
"$WRIT" run --permit p.permit -- "$probe" fill "$PROGRAMS/mark" >out 2> >(sleep 3; cat >/dev/null) </dev/null &
job=$!
eventually 10 grep -q 'went on' out || fail "a full standard error stalls the run"
wait $job
under p "$probe" exec "$PWD/w/fifo"
expect_status 3
verified
