"""datagrams.py PLACE...: UDP servers that answer. Prints their ports in one line, then what each
hears, one line a datagram: "heard HOST PORT TEXT".

A place is HOST, or HOST@first: at the port of the first place; with "/astray" behind it, answers come
from another port; with "/ntp", as NTP answers. A host may be a multicast group, joined on lo.
"""
import selectors
import socket
import sys

select = selectors.DefaultSelector()
ports = []
for spec in sys.argv[1:]:
    place, _, kind = spec.partition("/")
    host, _, first = place.partition("@")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = socket.socket(family, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    if family == socket.AF_INET6:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    server.bind((host, ports[0] if first else 0))
    if host.startswith("239."):
        membership = socket.inet_aton(host) + socket.inet_aton("127.0.0.1")
        server.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    astray = None
    if kind == "astray":
        astray = socket.socket(family, socket.SOCK_DGRAM)
        astray.bind((host, 0))
    ports.append(server.getsockname()[1])
    select.register(server, selectors.EVENT_READ, (host, kind, ports[-1], astray))
print(*ports, flush=True)
while True:
    for key, _ in select.select():
        host, kind, port, astray = key.data
        data, client = key.fileobj.recvfrom(65536)
        print("heard", host, port, ascii(data[:40]), flush=True)
        if kind == "ntp" and len(data) == 48:
            data = bytes([0x24]) + data[1:24] + data[40:48] + data[32:]
        try:
            (astray or key.fileobj).sendto(data, client)
        except OSError:
            pass
