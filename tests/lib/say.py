"""say.py HOST PORT WORD...: a client of the net tests. Says each word in a connection of its own to
HOST:PORT, as soon as one is made there (twenty seconds at most), and prints what comes back.
"""
import socket
import sys
import time

host, port = sys.argv[1], int(sys.argv[2])
limit = time.monotonic() + 20
for word in sys.argv[3:]:
    while True:
        try:
            client = socket.create_connection((host, port), timeout=20)
            client.sendall(word.encode() + b"\n")
            answer = client.makefile().readline()
            if answer:
                break
        except OSError:
            pass
        if time.monotonic() > limit:
            sys.exit(f"nobody answers at {host}:{port}")
        time.sleep(0.02)
    print("answered", answer.strip(), flush=True)
    client.close()
