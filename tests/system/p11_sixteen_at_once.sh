# P11 and P7: sixteen `writ run` share one ledger; every record is there, no number is missing.
probe=$PROGRAMS/probe
init
issue p < <(request "$(rule "$probe" '"{rest}"')")
jobs=()
for i in $(seq 16); do
  "$WRIT" run --permit p.permit -- "$probe" again 5 "word-$i" >"out.$i" 2>"err.$i" </dev/null &
  jobs+=($!)
done
for job in "${jobs[@]}"; do wait "$job" || fail "a run failed: $(cat err.*)"; done
for i in $(seq 16); do grep -q "word-$i" "out.$i" || fail "output of $i"; done
verified
must ledger show --json
for kind in admission:16 end:16 exec:96; do
  count=$(printf '%s' "$out" | grep -o "\"kind\":\"${kind%:*}\"" | wc -l)
  [ "$count" = "${kind#*:}" ] || fail "${kind%:*}: $count entries, expected ${kind#*:}"
done
must ps
refute_out running
