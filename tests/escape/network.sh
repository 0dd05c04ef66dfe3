# Sockets: the host's loopback, its Unix sockets (in a read tree, abstract), other families, the
# world. The host's listeners say what reached them.
[ -x /usr/bin/python3 ] || skip python3
family=network
attack=$PROGRAMS/attack_network
controls='loopback loopback_other any_address mapped fast_open datagram socket_in_tree abstract unix_datagram other_netlink'
late=0.3
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
prepare() {
  mkdir -p r w
  chmod 777 r
  local name=writ-test-$$ tcp udp
  /usr/bin/python3 listen.py r/socket "$name" >heard 2>&1 &
  listener=$!
  trap 'kill $listener 2>/dev/null' EXIT
  eventually 10 test -s heard || fail "the listeners do not start"
  chmod 666 r/socket
  read -r tcp udp <heard
  arguments=("$tcp" "$udp" "$PWD/r/socket" "$name")
  grant r w
}
fresh() { before=$(grep -c reached heard); }
harmed() { [ "$(grep -c reached heard)" != "$before" ] && tail -n1 heard; }
escape
for what in tcp udp path abstract; do
  grep -q "reached $what" heard || fail "positive control: $what is heard"
done
