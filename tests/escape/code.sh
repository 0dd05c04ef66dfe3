# Code beside the gate: libraries in read and write trees, a program changed through a live shared
# mapping behind the digest cache, a script's directory moved away, a produced tree.
[ -x /usr/bin/python3 ] || skip python3
probe=$PROGRAMS/probe
mkdir -p r w w/tools
init
library=$(ldconfig -p | sed -n 's/.*libz\.so\.1 .*=> //p' | head -1)
[ -n "$library" ] || skip libz
cp "$(readlink -f "$library")" r/lib.so
cp r/lib.so w/lib.so
python=$(readlink -f /usr/bin/python3)
stdlib=$("$python" -c 'import os; print(os.path.dirname(os.__file__))')
cat >r/load.py <<'PY'
import ctypes, sys
try:
    ctypes.CDLL(sys.argv[1])
    print("got through: loaded", sys.argv[1])
except OSError as error:
    print("refused:", error)
PY
issue p < <(
  request "$(rule /usr/bin/python3 '"{rest}"')
script = \"r/load.py\"
$(rule "$probe" '"{rest}"')" "read = [\"r\"]
write = [\"w\"]
load = [\"$stdlib\", \"$(dirname "$(readlink -f "$library")")\"]" ''
)
under p python3 "$PWD/r/load.py" "$(readlink -f "$library")"
expect_out 'got through: loaded'
/usr/bin/python3 r/load.py "$PWD/r/lib.so" | grep -q 'got through' || fail "positive control: the copy is a library"
for tree in r w; do
  under p python3 "$PWD/r/load.py" "$PWD/$tree/lib.so"
  expect_status 0
  expect_out refused
done

# The script lies in a fixed place inside a write tree's parent: neither it nor its directory moves.
cat >attack.py <<'PY'
import os, sys
tree, script = sys.argv[1], sys.argv[2]
tries = {
    "move the directory": lambda: os.rename(tree + "/r", tree + "/gone"),
    "replace the script": lambda: os.rename(tree + "/w/new.py", script),
    "write the script": lambda: open(script, "w"),
    "remove the script": lambda: os.unlink(script),
    "link the script": lambda: os.link(script, tree + "/w/link.py"),
    "mount point away": lambda: os.rmdir(tree + "/r"),
}
open(tree + "/w/new.py", "w").close()
for name, attempt in tries.items():
    try:
        attempt()
        print(name, "got through: yes")
    except OSError as error:
        print(name, "refused:", error)
PY
mkdir -p whole/r whole/w
cp attack.py whole/r/job.py
issue q < <(
  request "$(rule /usr/bin/python3 '"{rest}"')
script = \"whole/r/job.py\"" "read = [\"whole/r\"]
write = [\"whole/w\"]
load = [\"$stdlib\"]" ''
)
before=$(sha256sum whole/r/job.py)
under q python3 "$PWD/whole/r/job.py" "$PWD/whole" "$PWD/whole/r/job.py"
expect_status 0
expect_out refused
refute_out 'got through'
[ "$(sha256sum whole/r/job.py)" = "$before" ] || fail "the script was changed"

# A granted program with another name in a write tree, changed through a mapping that was dirty
# before the gate looked: the kernel keeps writers out while it runs, the digest is of what runs.
cp "$PROGRAMS/mark" tool
ln tool w/tool
cat >r/map.py <<'PY'
import mmap, os, sys, time
alias, tool, mark = sys.argv[1:4]
def run():
    pid = os.fork()
    if pid == 0:
        try:
            os.execv(tool, [tool, mark])
        except OSError as error:
            print("refused:", error, flush=True)
            os._exit(1)
    return os.waitpid(pid, 0)[1]
with open(alias, "r+b") as file:
    mapping = mmap.mmap(file.fileno(), 0)
    last = len(mapping) - 1
    mapping[last] = mapping[last]
print("mapped", run(), flush=True)
time.sleep(0.3)
mapping[last] = (mapping[last] + 1) % 256
mapping.close()
print("changed", run(), flush=True)
PY
issue m < <(
  request "$(rule /usr/bin/python3 '"{rest}"')
script = \"r/map.py\"
$(rule "$PWD/tool" '"{rest}"')" "read = [\"r\"]
write = [\"w\"]
load = [\"$stdlib\"]" ''
)
under m "$PWD/tool" "$PWD/w/works"
[ -e w/works ] || fail "positive control: the granted program runs"
before=$(sha256sum <tool)
under m python3 "$PWD/r/map.py" "$PWD/w/tool" "$PWD/tool" "$PWD/w/mark"
[ "$(sha256sum <tool)" != "$before" ] || fail "the attack did not change the program"
[ ! -e w/mark ] || fail "a program changed behind the digest cache ran"
verified
