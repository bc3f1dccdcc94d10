#!/usr/bin/env python3
"""An order API over HTTP: rows in the database, a copy of the list in Redis, stock at the inventory.

POOLED=1 keeps one connection to the database from start to end, as drivers do; else each request makes its own.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

TIMEOUT_S = 2.0
POOLED = os.environ.get("POOLED") == "1"


class Unavailable(Exception):
    """A dependency did not answer."""

    def __init__(self, name: str, error: OSError) -> None:
        self.status = 504 if isinstance(error, TimeoutError) else 503
        super().__init__(f"{name} unavailable: {error}")


class Peer:
    """One line out, one line in."""

    def __init__(self, name: str, address: str) -> None:
        self._name = name
        host, _, port = address.rpartition(":")
        self._address = (host, int(port))
        self._lock = threading.Lock()
        self._kept = self._connect() if POOLED else None

    def ask(self, line: str) -> str:
        """Raises Unavailable. A kept connection that has gone is made again once."""
        try:
            if not POOLED:
                with self._connect() as connection:
                    return self._exchange(connection, line)
            with self._lock:
                return self._ask_kept(line)
        except OSError as error:
            raise Unavailable(self._name, error) from None

    def _ask_kept(self, line: str) -> str:
        if self._kept is not None:
            try:
                return self._exchange(self._kept, line)
            except ConnectionError:
                self._kept.close()
                self._kept = None
        self._kept = self._connect()
        return self._exchange(self._kept, line)

    def _connect(self) -> socket.socket:
        return socket.create_connection(self._address, timeout=TIMEOUT_S)

    @staticmethod
    def _exchange(connection: socket.socket, line: str) -> str:
        connection.sendall(line.encode() + b"\n")
        answer = connection.recv(4096)
        if not answer:
            raise ConnectionResetError("it has closed the connection")
        return answer.decode().strip()


class Handler(BaseHTTPRequestHandler):
    """Rows of `db`; `cache` and `inventory` only where the spec has them."""

    peers: ClassVar[dict[str, Peer]] = {}
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/health":
            self._answer(200, "healthy")
        else:
            self._guarded(self._list)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._guarded(lambda: self._create(json.loads(body)))

    def _create(self, order: dict[str, object]) -> None:
        if "inventory" in self.peers:
            self.peers["inventory"].ask(f"TAKE {order['qty']}")
        reply = self.peers["db"].ask(f"INSERT {order['item']} {order['qty']}")
        if reply == "OK":
            self._answer(200, "created")
        else:
            self._answer(503, f"database says {reply}")

    def _list(self) -> None:
        if "cache" in self.peers:
            self.peers["cache"].ask("GET orders")
        self._answer(200, self.peers["db"].ask("SELECT"))

    def _guarded(self, work) -> None:  # type: ignore[no-untyped-def]
        try:
            work()
        except Unavailable as problem:
            self._answer(problem.status, str(problem))

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    for key, name in {"db": "database", "cache": "cache", "inventory": "inventory"}.items():
        if address := os.environ.get(f"{key.upper()}_ADDR"):
            Handler.peers[key] = Peer(name, address)
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
