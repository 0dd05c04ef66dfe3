"""knock.py HOST PORT...: says which of the ports are served at HOST, each time that they are: the
outside of the tests of servers. "reached PORT", a line each. The first line says that it is there.
"""
import select
import socket
import sys
import time

print("knocking", flush=True)
while True:
    for port in map(int, sys.argv[2:]):
        try:
            with socket.create_connection((sys.argv[1], port), timeout=1) as client:
                print("reached", port, flush=True)
                client.sendall(b"knock\n")
                select.select([client], [], [], 0.05)
        except OSError:
            pass
    time.sleep(0.005)
