# A really full file system: the admission is denied (disk_full), nothing runs, nothing recorded
# before is lost; with room again it goes on.
[ "$AS" = root ] || skip "root (to mount a small file system)"
mkdir -p "$WRIT_HOME" w
mount -t tmpfs -o size=64m,mode=755 none "$WRIT_HOME" || skip "mounting a tmpfs"
trap 'umount "$WRIT_HOME"' EXIT
mark=$PWD/w/mark
init
issue p < <(request "$(rule "$PROGRAMS/mark" '"{rest}"')
$(rule "$PROGRAMS/probe" '"{rest}"')" 'write = ["w"]')
under p "$PROGRAMS/probe" say before
expect_status 0
dd if=/dev/zero of="$WRIT_HOME/filler" bs=64k 2>/dev/null
dd if=/dev/zero of="$WRIT_HOME/filler2" bs=1 2>/dev/null
under p "$PROGRAMS/mark" "$mark"
expect_denied disk_full
[ ! -e "$mark" ] || fail "the program ran without its record"
must ledger verify
rm "$WRIT_HOME/filler" "$WRIT_HOME/filler2"
under p "$PROGRAMS/mark" "$mark"
expect_status 0
[ -e "$mark" ] || fail "positive control: with room again it runs"
verified
