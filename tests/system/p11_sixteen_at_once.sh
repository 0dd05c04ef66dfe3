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

# Allowed and denied work mixed: each gets its own answer, each is recorded, and no number is missing.
jobs=()
for i in $(seq 16); do
  case $((i % 4)) in
    0) words=("$probe" exec "$PROGRAMS/mark" "$PWD/x") expected=3 ;;
    1) words=("$PROGRAMS/mark" "$PWD/x") expected=126 ;;
    *) words=("$probe" exit "$i") expected=$i ;;
  esac
  "$WRIT" run --permit p.permit -- "${words[@]}" >"out.$i" 2>"err.$i" </dev/null &
  jobs+=("$!:$expected")
done
for job in "${jobs[@]}"; do
  wait "${job%:*}"
  status=$?
  [ "$status" = "${job#*:}" ] || fail "status $status, not ${job#*:}"
done
[ ! -e x ] || fail "what was refused has run"
must ledger show --json
for kind in admission:28 end:28 denial:4 refusal:4; do
  count=$(printf '%s' "$out" | grep -o "\"kind\":\"${kind%:*}\"" | wc -l)
  [ "$count" = "${kind#*:}" ] || fail "${kind%:*}: $count entries, expected ${kind#*:}"
done
verified
