"""The order API over a real PostgreSQL: a connection a request, 503 with what the database said when it would not."""

from __future__ import annotations

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pg8000.native


def query(statement: str, **values: object) -> list[list[object]]:
    host, _, port = os.environ["DB_ADDR"].rpartition(":")
    connection = pg8000.native.Connection("postgres", host=host, port=int(port), timeout=5)
    try:
        return connection.run(statement, **values) or []
    finally:
        connection.close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/health":
            self._answer(200, "healthy")
        else:
            self._query("SELECT item, qty FROM orders")

    def do_POST(self) -> None:
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._query("INSERT INTO orders (item, qty) VALUES (:item, :qty)", item=order["item"], qty=order["qty"])

    def _query(self, statement: str, **values: object) -> None:
        try:
            self._answer(200, json.dumps(query(statement, **values)))
        except pg8000.native.DatabaseError as error:
            self._answer(503, json.dumps(error.args[0]))
        except (OSError, pg8000.native.InterfaceError) as error:
            self._answer(503, json.dumps({"M": str(error)}))

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
