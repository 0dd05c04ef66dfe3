"""A stranger who speaks the witness protocol, for tests: witness_talk.py SCENARIO ARGUMENTS."""
import base64, hashlib, http.client, http.server, os, socket, sys, urllib.parse


def fail(what):
    print("FAILED:", what, file=sys.stderr)
    sys.exit(1)


def ask(url, method, path, body=None):
    """Status, content type and body of one exchange."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=30)
    connection.request(method, path, body)
    answer = connection.getresponse()
    found = answer.status, answer.getheader("Content-Type"), answer.read()
    connection.close()
    return found


def expect(what, found, status, kind=None, body=None):
    if found[0] != status or (kind and found[1] != kind) or (body is not None and found[2] != body):
        fail(f"{what}: expected {status} {kind} {body}, got {found}")


def read(path):
    with open(path, "rb") as file:
        return file.read()


def size_of(checkpoint):
    return checkpoint.split(b"\n")[1]


def request(old, checkpoint, proof=b""):
    return b"old " + old + b"\n" + proof + b"\n" + checkpoint


def bent(checkpoint, place=-20):
    """With one character of its last signature another."""
    changed = bytearray(checkpoint)
    changed[place] = ord("A") if changed[place] != ord("A") else ord("B")
    return bytes(changed)


def statuses(url, small, large, continued, origin, other):
    small, large, continued, other = map(read, (small, large, continued, other))
    path = "/" + hashlib.sha256(origin.encode()).hexdigest() + "/checkpoint"
    proof = continued[continued.index(b"\n") + 1:continued.index(b"\n\n") + 1]

    def post(body):
        return ask(url, "POST", "/add-checkpoint", body)

    plain = "text/plain; charset=utf-8"
    expect("nothing cosigned yet", ask(url, "GET", path), 404)
    expect("another log", post(request(b"0", b"stranger" + small[small.index(b"\n"):])), 404)
    expect("another key of that name", post(request(b"0", other)), 403)
    expect("a signature that does not hold", post(request(b"0", bent(small))), 403)
    expect("no signature of the log", post(request(b"0", small.replace(b"\n\n\xe2\x80\x94 ",
                                                                       b"\n\n\xe2\x80\x94 x"))), 403)
    first = post(request(b"0", small))
    expect("the first head", first, 200, plain)
    lines = first[2].decode().splitlines()
    if len(lines) != 1 or not lines[0].startswith("\u2014 witness.example/w "):
        fail(f"not one cosignature line: {first[2]}")
    blob = base64.b64decode(lines[0].split(" ")[2], validate=True)
    if len(blob) != 4 + 8 + 64 or int.from_bytes(blob[4:12], "big") == 0:
        fail("not a timestamped cosignature")
    known = size_of(small)
    conflict = post(request(b"0", large))
    expect("old is not what it knows", conflict, 409, "text/x.tlog.size", known + b"\n")
    expect("no proof", post(request(known, large)), 422)
    expect("another proof", post(request(known, large, bent(proof, 5))), 422)
    expect("a proof between equal sizes", post(request(known, small, proof)), 422)
    expect("old is larger", post(request(size_of(large), small)), 400)
    for body in (b"", b"old", b"old 1\n", b"old 01\n\n" + small, b"old -1\n\n" + small, b"new 1\n\n" + small,
                 b"old 1\n!\n\n" + small, b"old 1\n\nno checkpoint", b"\0" * 100,
                 b"old 1\n" + b"A" * 44 + b"\n" * 100, request(b"1", small, (b"A" * 43 + b"=\n") * 64)):
        expect(f"malformed {body[:30]}", post(body), 400)
    expect("nothing of that changed it", post(request(b"0", large)), 409, body=known + b"\n")
    expect("it goes on", post(request(known, large, proof)), 200, plain)
    expect("the same again", post(request(size_of(large), large)), 200, plain)
    newest = ask(url, "GET", path)
    expect("the newest head", newest, 200, plain)
    if not newest[2].startswith(large.split(b"\n\n")[0]) or b"witness.example/w" not in newest[2]:
        fail(f"another head: {newest[2]}")


def remembers(url, small, large, origin):
    small, large = read(small), read(large)
    path = "/" + hashlib.sha256(origin.encode()).hexdigest() + "/checkpoint"
    known = size_of(large)
    expect("an older head", ask(url, "POST", "/add-checkpoint", request(b"0", small)), 409,
           "text/x.tlog.size", known + b"\n")
    expect("the newest head", ask(url, "GET", path), 200)


def refusals(url):
    """What no witness is for; it goes on after each."""
    hexes = "0" * 64
    for method, path, status in (("GET", "/add-checkpoint", 405), ("PUT", "/add-checkpoint", 405),
                                 ("DELETE", "/add-checkpoint", 405), ("POST", f"/{hexes}/checkpoint", 405),
                                 ("PUT", f"/{hexes}/checkpoint", 405), ("DELETE", f"/{hexes}/checkpoint", 405),
                                 ("GET", f"/{hexes}/checkpoint", 404), ("GET", "/", 404),
                                 ("GET", f"/{'../' * 20}x/checkpoint", 404), ("GET", "/%2e%2e/keys", 404),
                                 ("GET", f"/{'A' * 64}/checkpoint", 404), ("GET", f"//{hexes}/checkpoint", 404),
                                 ("POST", "/add-checkpoint/", 404), ("POST", "/Add-Checkpoint", 404)):
        expect(f"{method} {path}", ask(url, method, path), status)
    expect("a body without end", ask(url, "POST", "/add-checkpoint", b"x" * 3_000_000), 413)
    host, port = urllib.parse.urlsplit(url).netloc.split(":")
    for bytes in (b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\n\r\n", b"\0\xff\r\n\r\n", b"GET\r\n\r\n",
                  b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                  b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\nshort",
                  b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 50_000 + b"\r\n"):
        with socket.create_connection((host, int(port)), timeout=30) as raw:
            try:
                raw.sendall(bytes)
                raw.shutdown(socket.SHUT_WR)
                answer = raw.recv(100)
            except OSError:
                answer = b""  # closed before all of it was sent
            if answer.startswith(b"HTTP/1.1 200") or b"cosign" in answer:
                fail(f"{bytes[:40]} was answered {answer}")
    expect("it still answers", ask(url, "GET", f"/{hexes}/checkpoint"), 404)


def answering(out):
    """A server that answers every POST as its path says; its address goes to the file `out`."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            name = self.path.split("/")[1]
            bodies = {"409": b"no size\n", "409-large": b"999999\n", "huge": b"x" * 200_000,
                      "409-for-ever": b"0\n" if not asked.startswith(b"old 0\n") else b"1\n", "200": b""}
            self.send_response({"409-large": 409, "409-for-ever": 409, "huge": 200}.get(name) or int(name))
            body = bodies.get(name, b"\x1b[31mbecause\n")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                pass  # too much for the other side

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with open(out + ".new", "w") as file:
        file.write(f"http://127.0.0.1:{server.server_port}/\n")
    os.rename(out + ".new", out)
    server.serve_forever()


def witness_key():
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    private = Ed25519PrivateKey.from_private_bytes(b"a witness of tests, 32 bytes long"[:32])
    return private, b"\x04" + private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def key(name):
    """The verifier key of a witness that only `cosign` below speaks for."""
    blob = witness_key()[1]
    number = hashlib.sha256(name.encode() + b"\n" + blob).hexdigest()[:8]
    print(f"{name}+{number}+{base64.b64encode(blob).decode()}")


def cosign(name, checkpoint, seconds):
    """The checkpoint, cosigned at a time of its own choosing."""
    note = read(checkpoint)
    private, blob = witness_key()
    text = note[:note.rindex(b"\n\n") + 1]
    signature = private.sign(f"cosignature/v1\ntime {seconds}\n".encode() + text)
    number = hashlib.sha256(name.encode() + b"\n" + blob).digest()[:4]
    line = base64.b64encode(number + int(seconds).to_bytes(8, "big") + signature).decode()
    sys.stdout.buffer.write(note + f"\u2014 {name} {line}\n".encode())


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
