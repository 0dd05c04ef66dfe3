"""free_ports.py N: N TCP ports of this machine that nobody has, in one line. They are none of those
that the kernel gives away by itself, so that they stay free.
"""
import random
import socket
import sys

found = []
while len(found) < int(sys.argv[1]):
    port = random.randrange(15000, 32000)
    with socket.socket(socket.AF_INET6 if socket.has_ipv6 else socket.AF_INET) as probe:
        try:
            probe.bind(("", port))
        except OSError:
            continue
    if port not in found:
        found.append(port)
print(*found)
