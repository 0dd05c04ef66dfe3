# Names: a run reaches a granted name by the addresses that the host finds for it, and no other name is
# answered. Which of these count: those of the public internet, and what a CIDR grants too. The test's
# network is a namespace of its own, its names a hosts file: nothing leaves this machine.
play=$PROGRAMS/name_play
[ -x /usr/bin/python3 ] || skip python3
[ -x /usr/bin/unshare ] || skip unshare
if [ -z "${INSIDE:-}" ]; then
  cat >hosts <<'HOSTS'
127.0.0.1 localhost inner.example
93.184.216.34 granted.example a.below.example
2606:2800:220:1::1 granted.example six.example
93.184.216.35 two.example
10.9.8.7 private.example
169.254.169.254 metadata.example
100.64.0.9 shared.example
::ffff:10.9.8.7 mapped.example
64:ff9b::a09:807 translated.example
2002:a09:807::1 sixtofour.example
93.184.216.34 other.example
HOSTS
  cat >enter <<'SH'
ip link set lo up
for one in 93.184.216.34/32 93.184.216.35/32 10.9.8.7/32 169.254.169.254/32 100.64.0.9/32; do
  ip addr add "$one" dev lo || exit 77
done
for one in 2606:2800:220:1::1/128 64:ff9b::a09:807/128 2002:a09:807::1/128; do
  ip addr add "$one" dev lo nodad || exit 77
done
mount --bind hosts /etc/hosts || exit 77
INSIDE=1 exec "$@" bash -c '. "$1/system.sh"; . "$1/tests/net_names.sh"' _ "$(dirname "$WRIT")"
SH
  export WRIT PROGRAMS SCRATCH
  if [ "$AS" = root ]; then
    exec unshare -nm bash enter
  fi
  # As root of a namespace for the set-up, as the user again in one more for the test itself.
  unshare -rnm true 2>/dev/null || skip "user namespaces"
  exec unshare -rnm bash enter unshare -U --map-user="$(id -u)" --map-group="$(id -g)"
fi
init
: >heard
/usr/bin/python3 "$(dirname "$PROGRAMS")/echo.py" 0.0.0.0 :: >heard 2>&1 &
server=$!
trap 'kill $server 2>/dev/null' EXIT
eventually 10 test -s heard || fail "the servers do not start"
read -r port six <heard
reached() { grep -c reached heard; }
grant() { # HOST PORT
  printf '[[connect]]\nhost = "%s"\nports = [%s]\n' "$1" "$2"
}
issue p < <(request "$(rule "$play" '"{rest}"')
$(for name in granted two inner private metadata shared mapped translated sixtofour; do grant $name.example "$port"; done)
$(grant '*.below.example' "$port")
$(grant granted.example "$six")
$(grant six.example "$six")")

# Granted names work, by IPv4 and IPv6; the record names host and address.
under p "$play" talk 1 granted.example "$port"
expect_out 'talk: 93.184.216.34 ok'
must ledger show --tree --last
expect_out "tcp:granted.example:$port"
for name in two.example a.below.example GRANTED.Example; do
  under p "$play" talk 1 $name "$port"
  expect_out ' ok'
done
for name in granted.example six.example; do
  under p "$play" talk 28 $name "$six"
  expect_out 'talk: 2606:2800:220:1::1 ok'
done
under p "$play" resolve 28 two.example
expect_out 'rcode 0:'
refute_out 93.184

# A port that no rule names for that host is refused, and so is the same address under another name.
under p "$play" talk 28 six.example "$port"
expect_out 'Permission denied'
expect_err "writ: denied: connect tcp:six.example:$port"
expect_err 'host = "six.example"'
before=$(reached)

# Other names are not answered, whatever they carry: nothing leaves by DNS.
for name in other.example secret.granted.example below.example example localhost.example x.inner.example; do
  under p "$play" resolve 1 $name
  expect_out 'rcode 5:'
done
for type in 2 5 15 16 33 65 255; do
  under p "$play" resolve $type granted.example
  expect_out 'rcode 0:'
  refute_out 93.184
done
under p "$play" resolve 1 localhost
expect_out 'rcode 0: 127.0.0.1'
under p "$play" stream
expect_out 'Connection refused'
under p "$play" junk
expect_out 'rcode 5:'
under p "$play" flood below.example
expect_out 'rcode 0: 127.0.0.1'

# No name opens the inside of a network: rebinding, metadata services, addresses within addresses.
for name in private metadata shared; do
  under p "$play" talk 1 $name.example "$port"
  expect_out 'Permission denied'
  expect_err "$name.example leads to"
  expect_err 'no address of the public internet'
done
for name in mapped translated sixtofour; do
  under p "$play" talk 28 $name.example "$port"
  refute_out ' ok'
done
# A name that leads to the loopback leads to the run's own.
under p "$play" talk 1 inner.example "$port"
expect_out 'Connection refused'
[ "$(reached)" = "$before" ] || fail "an address of the inside was reached: $(tail -3 heard)"

# With a CIDR it does.
issue c < <(request "$(rule "$play" '"{rest}"')
$(grant private.example "$port")
$(grant 10.9.8.0/24 "$port")")
under c "$play" talk 1 private.example "$port"
expect_out 'talk: 10.9.8.7 ok'
# An address that was never handed out is no name's.
issue n < <(request "$(rule "$play" '"{rest}"')
$(rule "$PROGRAMS/net_play" '"{rest}"')
$(grant granted.example "$port")")
under n "$PROGRAMS/net_play" refused 93.184.216.34 "$port"
expect_out 'refused: ok'

# Unmodified clients: the run's own resolv.conf leads them, also where the host's is granted.
for extra in '' ', "/etc/resolv.conf"'; do
  printf 'subject = "agent/test"\naudience = ["default"]\nttl = "1h"\nsets = ["base", "python"]\n%s\n%s\n[files]\nread = ["client.py", "/usr/lib"%s]\n[limits]\nwall = "1m"\ntasks = 64\n' \
    "$(rule /usr/bin/python3 '"{rest}"')" "$(grant granted.example "$port")" "$extra" >py.toml
  cat >client.py <<'PY'
import asyncio, socket, sys
port = int(sys.argv[1])
print(open("/etc/resolv.conf").read().strip())
with socket.create_connection(("granted.example", port), timeout=20) as one:
    one.sendall(b"hello")
    print("blocking", one.recv(5).decode())
async def main():
    reader, writer = await asyncio.open_connection("granted.example", port, happy_eyeballs_delay=0.2)
    writer.write(b"hello")
    print("asyncio", (await reader.readexactly(5)).decode())
    writer.close()
asyncio.run(main())
try:
    socket.create_connection(("other.example", port), timeout=20)
except socket.gaierror:
    print("other: not found")
PY
  must permit issue --no-store -o py.permit py.toml
  writ run --permit py.permit -- /usr/bin/python3 client.py "$port"
  expect_out 'nameserver 127.0.0.1'
  expect_out 'blocking hello'
  expect_out 'asyncio hello'
  expect_out 'other: not found'
done
verified
