# Sockets: the host's loopback, its Unix sockets (in a read tree, abstract), other families, the
# world. The host's listeners say what reached them.
attack=$PROGRAMS/attack_network
[ -x /usr/bin/python3 ] || skip python3
mkdir -p r w
init
cat >listen.py <<'PY'
import selectors, socket, sys
unix, name = sys.argv[1], sys.argv[2]
tcp = socket.create_server(("0.0.0.0", 0))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("0.0.0.0", 0))
path = socket.socket(socket.AF_UNIX)
path.bind(unix)
path.listen()
hidden = socket.socket(socket.AF_UNIX)
hidden.bind("\0" + name)
hidden.listen()
print(tcp.getsockname()[1], udp.getsockname()[1], flush=True)
select = selectors.DefaultSelector()
for one, what in ((tcp, "tcp"), (udp, "udp"), (path, "path"), (hidden, "abstract")):
    select.register(one, selectors.EVENT_READ, what)
while True:
    for key, _ in select.select():
        key.fileobj.recv(100) if key.data == "udp" else key.fileobj.accept()[0].close()
        print("reached", key.data, flush=True)
PY
name=writ-test-$$
/usr/bin/python3 listen.py r/socket "$name" >heard 2>&1 &
listener=$!
trap 'kill $listener 2>/dev/null' EXIT
chmod 777 r
eventually 10 test -s heard || fail "the listeners do not start"
chmod 666 r/socket
read -r tcp udp <heard
works_outside "$attack" 'loopback any_address mapped socket_in_tree abstract unix_datagram
  other_netlink own_loopback' "$tcp" "$udp" "$PWD/r/socket" "$name"
"$attack" datagram "$tcp" "$udp" x x >/dev/null
for what in tcp udp path abstract; do
  eventually 5 grep -q "reached $what" heard || fail "positive control: $what is heard"
done
count=$(grep -c reached heard)
issue p < <(request "$(rule "$attack" '"{rest}"')" 'read = ["r"]
write = ["w"]')
attacks p "$attack" "$tcp" "$udp" "$PWD/r/socket" "$name"
under p "$attack" own_loopback x x x x
expect_out 'got through: connected'
sleep 0.2
[ "$(grep -c reached heard)" = "$count" ] || fail "a listener of the host was reached: $(tail -3 heard)"
kill $listener
wait $listener 2>/dev/null
verified
