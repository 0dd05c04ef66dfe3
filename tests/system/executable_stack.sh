# Write xor execute: a program whose file asks for an executable stack needs the feature `jit`, when
# the permit is issued and, for code that the run makes itself, at the gate.
[ -x /usr/bin/python3 ] || skip python3
probe=$PROGRAMS/probe
mkdir w
cat >ask.py <<'PY'
import struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
table, = struct.unpack_from("<Q", data, 32)
size, count = struct.unpack_from("<HH", data, 54)
for at in range(table, table + size * count, size):
    kind, flags = struct.unpack_from("<II", data, at)
    if kind == 0x6474E551:
        struct.pack_into("<I", data, at + 4, flags | 1)
        break
else:
    sys.exit("no PT_GNU_STACK")
open(sys.argv[2], "wb").write(data)
PY
/usr/bin/python3 ask.py "$probe" asking || fail "the program could not be changed"
chmod 755 asking
./asking say works | grep -q works || fail "positive control: the changed program works"
init

request "$(rule "$PWD/asking" '"{rest}"')" >p.toml
writ permit issue --no-store -o p.permit p.toml
[ "$status" != 0 ] || fail "the permit should not be issued"
expect_err feature_not_granted
expect_err jit

issue q < <(request "features = [\"jit\"]
$(rule "$PWD/asking" '"{rest}"')")
under q "$PWD/asking" say works
expect_status 0
expect_out works

cp asking w/made
chmod 777 w w/made
produced="$(rule "$probe" '"{rest}"')
[[exec]]
produced = \"w\"
args = [\"say\", \"{rest}\"]"
issue r < <(request "$produced" 'write = ["w"]')
under r "$probe" exec "$PWD/w/made" say works
refute_out works
expect_err feature_not_granted
issue s < <(request "features = [\"jit\"]
$produced" 'write = ["w"]')
under s "$probe" exec "$PWD/w/made" say works
expect_status 0
expect_out works
verified
