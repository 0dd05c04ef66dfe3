# Real clients, unmodified, without proxy settings: curl, wget, Python (blocking and asyncio, with a
# server of its own in the same process) and Node fetch. As root to another network namespace too.
[ -x /usr/bin/python3 ] || skip python3
init
cat >serve.py <<'PY'
import http.server, socket, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"hello\n")
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer((sys.argv[1], 0), Answer)
print(server.server_address[1], flush=True)
server.serve_forever()
PY
host=127.0.0.1
enter=()
made=
if [ "$AS" = root ] && ip netns help >/dev/null 2>&1; then
  made=w$$
  if ip netns add "$made" 2>/dev/null; then
    ip link add "$made-a" type veth peer name "$made-b" netns "$made" &&
      ip addr add 10.213.7.1/30 dev "$made-a" && ip link set "$made-a" up &&
      ip -n "$made" addr add 10.213.7.2/30 dev "$made-b" && ip -n "$made" link set "$made-b" up &&
      ip -n "$made" link set lo up || fail "a network for the test"
    enter=(ip netns exec "$made")
    host=10.213.7.2
  else
    made=
  fi
fi
"${enter[@]}" /usr/bin/python3 serve.py "$host" >port 2>/dev/null &
server=$!
cleanup() {
  kill "$server" 2>/dev/null
  [ -z "$made" ] || ip netns pids "$made" | xargs -r kill 2>/dev/null
  [ -z "$made" ] || ip link del "$made-a" 2>/dev/null
  [ -z "$made" ] || ip netns del "$made"
}
trap cleanup EXIT
eventually 10 test -s port || fail "the server does not start"
url=http://$host:$(cat port)/
network="[[connect]]
host = \"$host/32\"
ports = [$(cat port)]"
cat >client.py <<'PY'
import asyncio, http.server, sys, threading, urllib.request
url, host = sys.argv[1], sys.argv[2]
print("blocking", urllib.request.urlopen(url, timeout=20).read())
class Own(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"own")
    def log_message(self, *_):
        pass
own = http.server.HTTPServer(("127.0.0.1", 0), Own)
threading.Thread(target=own.serve_forever, daemon=True).start()
print("server", urllib.request.urlopen("http://127.0.0.1:%d/" % own.server_address[1]).read())
async def fetch(port, host):
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    return (await reader.read()).split(b"\r\n\r\n")[1]
async def main():
    port = int(url.rsplit(":", 1)[1].strip("/"))
    print("asyncio", await asyncio.gather(*(fetch(port, host) for _ in range(5))))
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"x\r\n\r\nown")
        writer.close()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print("asyncio server", await fetch(server.sockets[0].getsockname()[1], "127.0.0.1"))
    try:
        await fetch(1, "192.0.2.1")
    except PermissionError as error:
        print("refused", error.strerror)
asyncio.run(main())
PY
printf 'subject = "agent/test"\naudience = ["default"]\nttl = "1h"\nsets = ["base", "python"]\n%s\n%s\n[files]\nread = ["client.py", "/usr/lib"]\n[limits]\nwall = "2m"\ntasks = 256\n' \
  "$(rule /usr/bin/python3 '"{rest}"')" "$network" >p.toml
must permit issue --no-store -o p.permit p.toml
writ run --permit p.permit -- /usr/bin/python3 client.py "$url" "$host"
expect_status 0
expect_out "blocking b'hello"
expect_out "server b'own'"
expect_out "asyncio [b'hello"
expect_out "asyncio server b'own'"
expect_out 'refused Permission denied'
for client in curl wget; do
  [ -x /usr/bin/$client ] || continue
  printf 'subject = "agent/test"\naudience = ["default"]\nttl = "1h"\nsets = ["base"]\n%s\n%s\n[files]\nread = ["/usr/lib", "/etc/ssl"]\n[limits]\nwall = "1m"\ntasks = 128\n' \
    "$(rule /usr/bin/$client '"{rest}"')" "$network" >$client.toml
  must permit issue --no-store -o $client.permit $client.toml
  if [ $client = curl ]; then
    writ run --permit curl.permit -- /usr/bin/curl -sS -m 30 "$url"
  else
    writ run --permit wget.permit -- /usr/bin/wget -q -T 30 -t 1 -O - "$url"
  fi
  expect_status 0
  expect_out hello
done
if [ -x /usr/bin/node ]; then
  # V8 makes code at run time.
  printf 'subject = "agent/test"\naudience = ["default"]\nttl = "1h"\nsets = ["base"]\nfeatures = ["jit"]\n%s\n%s\n[files]\nread = ["fetch.mjs", "/usr/share", "/usr/lib", "/etc/ssl"]\n[limits]\nwall = "2m"\ntasks = 256\n' \
    "$(rule /usr/bin/node '"{rest}"')" "$network" >n.toml
  cat >fetch.mjs <<'JS'
import http from "node:http";
const url = process.argv[2];
console.log("fetch", (await (await fetch(url)).text()).trim());
const own = http.createServer((_, answer) => answer.end("own"));
await new Promise((done) => own.listen(0, "127.0.0.1", done));
console.log("server", await (await fetch(`http://127.0.0.1:${own.address().port}/`)).text());
await fetch("http://192.0.2.1:8081/").catch((error) => console.log("refused", error.cause.code));
own.close();
process.exit(0);
JS
  must permit issue --no-store -o n.permit n.toml
  writ run --permit n.permit -- /usr/bin/node fetch.mjs "$url"
  expect_status 0
  expect_out 'fetch hello'
  expect_out 'server own'
  expect_out 'refused EACCES'
fi
verified
