# files_over_http.py DIRECTORY: serves it at a free port of the loopback, which it prints first.
import functools
import http.server
import sys


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(
    ("127.0.0.1", 0), functools.partial(Quiet, directory=sys.argv[1])
)
print(server.server_address[1], flush=True)
server.serve_forever()
