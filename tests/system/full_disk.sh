# A really full file system. Before a run: its admission is denied (disk_full) and nothing runs. During
# runs: their ends are still recorded, from the room set aside, however they end. With room again all
# goes on, and nothing recorded before is lost.
if [ "$AS" = user ] && [ -z "${INSIDE:-}" ]; then
  # A small file system of one's own, in a user and mount namespace; then on without its powers.
  bin=$(dirname "$WRIT")
  mkdir -p "$WRIT_HOME"
  unshare --map-current-user --mount --keep-caps true 2>/dev/null || skip "a user namespace to mount in"
  INSIDE=1 exec unshare --map-current-user --mount --keep-caps bash -c '
    mount -t tmpfs -o size=64m,mode=755 none "$WRIT_HOME" &&
      exec setpriv --inh-caps=-all --ambient-caps=-all bash -c ". \"\$1/system.sh\"; . \"\$1/tests/full_disk.sh\"" _ "$1"' _ "$bin"
fi
mkdir -p "$WRIT_HOME" w
if [ "$AS" = root ]; then
  mount -t tmpfs -o size=64m,mode=755 none "$WRIT_HOME" || skip "mounting a tmpfs"
  trap 'umount "$WRIT_HOME"' EXIT
fi
mark=$PWD/w/mark
init
issue p < <(request "$(rule "$PROGRAMS/mark" '"{rest}"')
$(rule "$PROGRAMS/probe" '"{rest}"')" 'write = ["w"]')
issue q < <(request "$(rule "$PROGRAMS/probe" '"{rest}"')")
under p "$PROGRAMS/probe" say before
expect_status 0

fill() {
  dd if=/dev/zero of="$WRIT_HOME/filler" bs=64k 2>/dev/null
  dd if=/dev/zero of="$WRIT_HOME/filler2" bs=1 2>/dev/null
  [ "$(df --output=avail "$WRIT_HOME" | tail -n 1)" -eq 0 ] || fail "the disk is not full"
}
free() { rm -f "$WRIT_HOME/filler" "$WRIT_HOME/filler2"; }
alive() { [ "$("$WRIT" ps --json 2>/dev/null | grep -o '"state":"running"' | wc -l)" = "$1" ]; }
fill
under p "$PROGRAMS/mark" "$mark"
expect_denied disk_full
[ ! -e "$mark" ] || fail "the program ran without its record"
must ledger verify
free

# Two runs are going when it fills up: one is killed from outside, the other one's permit is revoked.
"$WRIT" run --permit p.permit -- "$PROGRAMS/probe" spin killed-from-outside >killed.out 2>&1 &
killed=$!
"$WRIT" run --permit q.permit -- "$PROGRAMS/probe" spin >revoked.out 2>&1 &
revoked=$!
eventually 20 alive 2 || fail "the runs did not begin"
fill
under p "$PROGRAMS/mark" "$mark"
expect_denied disk_full
for one in /proc/[0-9]*; do
  case $(tr '\0' ' ' <"$one/cmdline" 2>/dev/null) in
    "$PROGRAMS/probe spin killed-from-outside "*) kill -9 "${one#/proc/}" ;;
  esac
done 2>/dev/null
wait "$killed"
[ $? = 137 ] || fail "killed, and not said so: $(cat killed.out)"
writ revoke q.permit --reason "the disk is full"
expect_status 0
wait "$revoked"
[ $? = 124 ] || fail "ended by Writ, and not said so: $(cat revoked.out)"
must ledger show --kind end
expect_out "signalled"
expect_out "revoked"
must ledger show --kind revocation
[ -n "$out" ] || fail "the revocation is not recorded"
must ledger show --kind interrupted
[ -z "$out" ] || fail "an end was not recorded when it came"
must ledger verify
[ ! -e "$mark" ] || fail "the program ran without its record"

# Still full, whatever is tried; then there is room.
dd if=/dev/zero of="$WRIT_HOME/filler3" bs=1 2>/dev/null
under p "$PROGRAMS/mark" "$mark"
expect_denied disk_full
free
rm -f "$WRIT_HOME/filler3"
under p "$PROGRAMS/mark" "$mark"
expect_status 0
[ -e "$mark" ] || fail "positive control: with room again it runs"
verified
must ledger fsck
