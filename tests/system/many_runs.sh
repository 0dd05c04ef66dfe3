# Many runs at once and many in a row: every one does its work, is recorded from admission to end, and
# leaves nothing behind. Long form (WRIT_TEST_LONG=1): 200 at once, 5,000 in a row, and what the whole
# machine holds is counted before and after.
probe=$PROGRAMS/probe
at_once=24 in_a_row=40
if [ -n "$WRIT_TEST_LONG" ]; then at_once=200 in_a_row=5000; fi
init
issue p < <(request "$(rule "$probe" '"{rest}"')")
entries() { "$WRIT" ledger show --json | grep -o "\"kind\":\"$1\"" | wc -l; }
# What stays in files and in the account's own processes.
left() {
  find "$WRIT_HOME" "$SCRATCH" -mindepth 1 -maxdepth 2 ! -path '*/tile/*' ! -path '*/objects/*' \
    ! -path '*/side/*' ! -name 'index*' | sort
  find /sys/fs/cgroup -type d -path '*writ*' 2>/dev/null
  living "$probe"
}
# What a machine holds that does nothing else: namespaces, mounts, cgroups, shared memory.
machine() {
  find /proc/[0-9]*/ns -lname '*' -printf '%l\n' 2>/dev/null | sort -u | wc -l
  wc -l </proc/self/mountinfo
  find /sys/fs/cgroup -type d 2>/dev/null | wc -l
  wc -l </proc/sysvipc/shm
}
under p "$probe" say warm
before=$(left)
machine_before=$(machine)
memory_before=$(awk '/^(Shmem|SUnreclaim):/ { sum += $2 } END { print sum }' /proc/meminfo)

jobs=()
for i in $(seq $at_once); do
  "$WRIT" run --permit p.permit -- "$probe" say "word-$i" >"out.$i" 2>"err.$i" </dev/null &
  jobs+=($!)
done
for job in "${jobs[@]}"; do wait "$job" || fail "a run failed: $(tail -n 5 err.*)"; done
for i in $(seq $at_once); do grep -q "^word-$i$" "out.$i" || fail "output of $i: $(cat "err.$i")"; done
for i in $(seq $in_a_row); do
  under p "$probe" say "again-$i"
  [ "$out" = "again-$i" ] || fail "run $i of many: $out"
done

all=$((1 + at_once + in_a_row))
for kind in admission exec end; do
  [ "$(entries $kind)" = $all ] || fail "$(entries $kind) entries of $kind, not $all"
done
must ps
refute_out running
[ "$(left)" = "$before" ] || fail "left behind: $(diff <(printf '%s\n' "$before") <(left))"
if [ -n "$WRIT_TEST_LONG" ]; then
  [ "$(machine)" = "$machine_before" ] || fail "the machine holds more: $machine_before, now $(machine)"
  memory=$(awk '/^(Shmem|SUnreclaim):/ { sum += $2 } END { print sum }' /proc/meminfo)
  [ $((memory - memory_before)) -lt 262144 ] || fail "the kernel holds $((memory - memory_before)) KiB more"
fi
verified
