# P4: what holds a run is the kernel, not the program's good will. Statically linked programs that
# share no library with Writ, raw system calls, a 32-bit entry, io_uring, new namespaces and threads
# that race the gate: each gets through ungoverned and nowhere in a run.
kernel=$PROGRAMS/attack_kernel exec=$PROGRAMS/attack_exec
mkdir -p r w
cp "$PROGRAMS/mark" r/forbidden
init
issue p < <(
  request "$(rule "$kernel" '"{rest}"')
$(rule "$exec" '"{rest}"')" 'read = ["r"]
write = ["w"]'
)
# Nothing of Writ is in the program: no library, no loader, no preloaded object.
static() { ! readelf -lW "$1" | grep -qE 'INTERP|DYNAMIC'; }
static "$PROGRAMS/mark" || fail "the program to be held is not a static one"

for name in unshare_nothing set_namespace ring_setup entry_i386 exec_i386 steal_descriptor; do
  out=$("$kernel" $name 2>&1 </dev/null) && fail "ungoverned, $name should get through: $out"
  under p "$kernel" $name
  case $out in *'got through: '*) fail "$name" ;; esac
  expect_out ': refused'
done
for name in by_path path_flipped many_threads; do
  rm -rf w && mkdir w
  out=$("$exec" $name "$PWD/r/forbidden" "$PWD/w/mark" "$PWD/w" 2>&1 </dev/null) && fail "ungoverned, $name should get through: $out"
  rm -rf w && mkdir w
  under p "$exec" $name "$PWD/r/forbidden" "$PWD/w/mark" "$PWD/w"
  [ ! -e w/mark ] || fail "$name: the forbidden program ran"
done
verified
