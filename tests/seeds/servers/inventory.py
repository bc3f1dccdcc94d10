#!/usr/bin/env python3
"""Stock over TCP: `TAKE n` takes n pieces, and every change is a line of JSON on stdout. STOCK is where it begins."""

from __future__ import annotations

import json
import os
import socketserver
import sys


class Handler(socketserver.StreamRequestHandler):
    """It sells what it doesn't have, which is what the monitor is for."""

    stock = int(os.environ["STOCK"])

    def handle(self) -> None:
        for line in self.rfile:
            Handler.stock -= int(line.split()[1])
            sys.stdout.write(json.dumps({"stock": Handler.stock}) + "\n")
            sys.stdout.flush()
            self.wfile.write(b"OK\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
