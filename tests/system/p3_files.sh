# P3 and the root built from the grant: what was not granted does not exist, a read tree is never
# written or executed, a write tree is never executed.
probe=$PROGRAMS/probe
mkdir -p r w
echo content >r/file
cp "$PROGRAMS/mark" r/program
init
issue p < <(request "$(rule "$probe" '"{rest}"')" "read = [\"r\"]
write = [\"w\"]")
under p "$probe" cat r/file
expect_status 0
expect_out content
for path in /etc/passwd /etc/shadow "$WRIT_HOME/config/keys/runner.pem" "$PWD/p.permit" /root /sys; do
  under p "$probe" cat "$path"
  expect_status 3
done
for path in r/file r/new /etc/new /proc/sys/kernel/core_pattern /new /proc/self/mem /dev/new; do
  under p "$probe" write "$path"
  expect_status 3
done
[ "$(cat r/file)" = content ] || fail "a read tree was written"
under p "$probe" write w/new
expect_status 0
[ -e w/new ] || fail "positive control: a write tree"
under p "$probe" exec "$PWD/r/program" "$PWD/w/mark"
expect_status 3
under p "$probe" copy w/copy
expect_status 0
under p "$probe" exec "$PWD/w/copy" say no
expect_status 3
[ ! -e w/mark ] || fail "a program in a read tree ran"
under p "$probe" fds
expect_status 3
under p "$probe" ids
expect_status 0
refute_out 'uid 0 '
verified
