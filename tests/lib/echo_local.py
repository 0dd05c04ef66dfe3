"""echo_local.py PATH...: echo servers at Unix sockets. Prints "ready", then what reaches each."""
import os
import selectors
import socket
import sys

select = selectors.DefaultSelector()
for path in sys.argv[1:]:
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(path)
    os.chmod(path, 0o666)
    server.listen(128)
    select.register(server, selectors.EVENT_READ, path)
print("ready", flush=True)
while True:
    for key, _ in select.select():
        if key.data is not None:
            client, _ = key.fileobj.accept()
            print("reached", key.data, flush=True)
            select.register(client, selectors.EVENT_READ)
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
