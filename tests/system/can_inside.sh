# A program in a run asks its own governor before it acts, and what was refused afterwards: about its
# own run only, with no trace, and with no way to hold up anybody else.
probe=$PROGRAMS/probe mark=$PROGRAMS/mark
[ -x /usr/bin/python3 ] || skip python3
init
mkdir -p data out
asking='"{rest}"'
both="env = [\"PATH\", \"LANG\", \"ASAN_OPTIONS=$ASAN_OPTIONS\"]"
rules="$(rule "$WRIT" "$asking")
$both
$(rule "$mark" '"{under:out}"')
$both
[[connect]]
host = \"198.51.100.0/24\"
ports = [443]"
issue p < <(request "$rules" "read = [\"data\"]
write = [\"out\"]")
entries() { "$WRIT" ledger show --json | wc -l; }
ask() {
  local expected=$1
  shift
  under p "$WRIT" "$@"
  expect_status "$expected"
}
ask 0 can exec "$mark" "$PWD/out/x"
expect_out "yes: exec $mark"
ask 1 can exec "$mark" "$PWD/data/x"
expect_out 'args_mismatch'
ask 1 can exec "$probe" exit 0
expect_out "program = \"$probe\""
ask 1 can exec curl
expect_out 'does not exist here'
ask 0 can connect 198.51.100.7:443
ask 1 can connect 198.51.100.7:80
ask 1 can connect a.example:443
ask 0 can read "$PWD/data/x"
ask 1 can read /etc/shadow
expect_out 'read = ["/etc/shadow"]'
ask 1 can write "$PWD/data/x"
ask 0 can --json write "$PWD/out/x"
expect_out '"can":true'
ask 1 explain --last
expect_err 'nothing of this run was refused'
ask 2 can run "$mark"
ask 2 can --permit p.permit exec "$mark"
ask 2 ps
expect_err 'inside a run'
ask 0 version
verified

# Without `writ` in the grant there is no socket.
printf 'import os\nprint("there:", os.path.lexists("/dev/writ"), os.path.lexists("/dev/null"))\n' >look.py
issue bare < <(request "[[exec]]
program = \"/usr/bin/python3\"
script = \"look.py\"" "read = [\"/usr/lib/python3\", \"/usr/lib/python3.11\"]")
under bare /usr/bin/python3 look.py
expect_out 'there: False True'

# From a program of its own: refused acts are told of, hostile questions do no harm.
cat >agent.py <<'PY'
import os, socket, subprocess, sys, time
WRIT, PROBE, MARK = sys.argv[1:4]
def writ(*words):
    done = subprocess.run([WRIT, *words], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr
def expect(condition, what):
    if not condition:
        print("FAILED:", what)
        sys.exit(1)
status, text = writ("can", "exec", PROBE, "exit", "0")
expect(status == 1 and "not_granted" in text, text)
try:
    subprocess.run([PROBE, "exit", "0"])
    expect(False, "the probe ran")
except OSError:
    pass
status, text = writ("explain", "--last")
expect(status == 0 and "not_granted" in text and PROBE in text and "asked by" in text, text)
status, text = writ("explain", "999999")
expect(status != 0, "another run's event")
def connected():
    one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    one.settimeout(10)
    one.connect("/dev/writ")
    return one
for garbage in (b"\x00", b"\xff" * 100, b"\x83\x00\x00\xf6", b"\x83\x01\x03\xf6", b"\x83\x00\x04\xf6",
                b"\x83\x00\x02\x82\x00\x45/a/.b", b"\x83\x00\x03\xf6\x00", b"\x83\x00\x03" + b"\x9f" * 1000,
                os.urandom(100000), b"\x83\x00\x00" + b"\x81" * 60000):
    one = connected()
    one.send(garbage)
    answer = one.recv(1 << 17)
    expect(answer[:2] == b"\x86\x00", "no answer to %r" % garbage[:20])
    one.close()
one = connected()
try:
    one.send(b"\x00" * 200000)
    one.recv(1 << 17)
except OSError:
    pass
one.close()
# Who says nothing holds up nobody for long; who goes away, not at all.
silent = [connected() for _ in range(3)]
for one in [connected() for _ in range(8)]:
    one.close()
began = time.monotonic()
status, text = writ("can", "exec", MARK, os.getcwd() + "/out/x")
expect(status == 0, text)
for one in silent:
    one.close()
# Nothing of the governor comes along, and the socket cannot be taken away from others.
one = connected()
one.send(b"\x83\x00\x03\xf6")
data, ancillary, flags, address = one.recvmsg(1 << 17, 4096)
expect(not ancillary, "descriptors came along")
for act in (lambda: os.unlink("/dev/writ"), lambda: os.rename("/dev/writ", "/dev/shm/x"),
            lambda: os.link("/dev/writ", "/dev/shm/x"), lambda: os.chmod("/dev/writ", 0)):
    try:
        act()
        expect(False, "the socket was changed")
    except OSError:
        pass
print("asked")
PY
issue agent < <(request "[[exec]]
program = \"/usr/bin/python3\"
script = \"agent.py\"
args = [\"{rest}\"]
$both
argv0 = [\"/usr/bin/python3\"]
[[exec]]
program = \"$WRIT\"
args = [\"{rest}\"]
$both
$(rule "$mark" '"{under:out}"')
$both" "read = [\"/usr/lib/python3\", \"/usr/lib/python3.11\", \".\"]
write = [\"out\"]")
under agent /usr/bin/python3 agent.py "$WRIT" "$probe" "$mark"
expect_status 0
expect_out asked
verified
