"""echo.py PLACE...: echo servers. Prints their ports in one line, then what reaches each.

A place is HOST or HOST@PORT; with "/full" behind it the listener's queue is full and stays full:
nobody gets in. "unix:PATH" is a Unix socket that everybody may open; its "port" is its path.
"""
import os
import selectors
import socket
import sys

select = selectors.DefaultSelector()
ports, held = [], []
for spec in sys.argv[1:]:
    if spec.startswith("unix:"):
        path = spec.removeprefix("unix:")
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.bind(path)
        os.chmod(path, 0o666)
        server.listen(128)
        ports.append(path)
        select.register(server, selectors.EVENT_READ, (path,))
        continue
    full = spec.endswith("/full")
    host, _, port = spec.removesuffix("/full").partition("@")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = socket.socket(family, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((host, int(port or 0)))
    server.listen(0 if full else 128)
    ports.append(server.getsockname()[1])
    if full:
        for _ in range(8):
            client = socket.socket(family, socket.SOCK_STREAM)
            client.setblocking(False)
            client.connect_ex(server.getsockname())
            held.append(client)
        held.append(server)
        continue
    select.register(server, selectors.EVENT_READ, (host, ports[-1]))
print(*ports, flush=True)
while True:
    for key, _ in select.select():
        if isinstance(key.data, tuple):
            client, _ = key.fileobj.accept()
            print("reached", *key.data, flush=True)
            select.register(client, selectors.EVENT_READ, "client")
            continue
        try:
            data = key.fileobj.recv(65536)
            if data:
                key.fileobj.sendall(data)
        except OSError:
            data = b""
        if not data:
            select.unregister(key.fileobj)
            key.fileobj.close()
