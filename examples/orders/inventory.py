"""The inventory: it reserves stock, and a reservation is on disk before it is confirmed.

    POST /reservations         {"order": "42", "item": "widget", "quantity": 1}
                               -> 201 {"order", "item", "quantity", "stock"}, 409 sold out, 503 can't be stored
    GET  /reservations         -> 200 [...], oldest first
    GET  /reservations/{order} -> 200 {...} or 404

Each reservation is a line of a write-ahead log, which is replayed at start. Environment: PORT, DATA (directory of
the log), ORDERS_VARIANT (`buggy` has one planted bug, marked below; `fixed` has none).
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Reservation = dict[str, Any]

SHELF = {"widget": 5, "gadget": 3}
"""Pieces of each item before the first reservation."""


class SoldOut(Exception):
    """There are fewer pieces than were asked for."""


class WriteAheadLog:
    """Lines of JSON that are on disk once `append` has returned. It raises OSError where they may not be."""

    def __init__(self, path: Path, *, variant: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._variant = variant
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._failed: OSError | None = None

    def replay(self) -> Iterator[Reservation]:
        """What was appended before. A last line without its end was torn by a crash, never confirmed: it is cut off."""
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        os.ftruncate(self._fd, whole)
        for line in content[:whole].splitlines():
            yield json.loads(line)

    def append(self, record: Reservation) -> None:
        if self._failed:
            raise self._failed
        end = os.fstat(self._fd).st_size
        line = json.dumps(record).encode() + b"\n"
        try:
            while line:
                line = line[os.write(self._fd, line) :]
        except OSError:
            os.ftruncate(self._fd, end)
            raise
        self._sync()

    def _sync(self) -> None:
        try:
            os.fsync(self._fd)
        except OSError as error:
            if self._variant == "buggy":
                # PLANTED BUG: "the next fsync will write it too". It won't: after a failed fsync Linux marks the
                # pages clean, so the next one succeeds and the line was never stored. The customer has a confirmed
                # order that a power failure erases.
                say("warning", message=f"fsync failed, going on: {error}")
                return
            # What is on disk is now unknown until the log is read again: refuse everything until a restart.
            self._failed = error
            raise


class Inventory:
    """Stock and reservations in memory, as the log has them."""

    def __init__(self, log: WriteAheadLog) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._stock = dict(SHELF)
        self._reservations: dict[str, Reservation] = {}
        for record in log.replay():
            self._apply(record)

    def reserve(self, order: str, item: str, quantity: int) -> Reservation:
        """Asking again for the same order gives the same reservation."""
        with self._lock:
            if order in self._reservations:
                return self._reservations[order]
            left = self._stock.get(item, 0) - quantity
            if left < 0:
                raise SoldOut
            record = {"order": order, "item": item, "quantity": quantity, "stock": left}
            self._log.append(record)
            self._apply(record)
        say("reserved", **record)
        return record

    def find(self, order: str) -> Reservation | None:
        return self._reservations.get(order)

    def all(self) -> list[Reservation]:
        with self._lock:
            return list(self._reservations.values())

    def _apply(self, record: Reservation) -> None:
        self._reservations[record["order"]] = record
        self._stock[record["item"]] = record["stock"]


class Handler(BaseHTTPRequestHandler):
    """HTTP around the inventory of its server."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        collection, _, order = self.path.strip("/").partition("/")
        if collection == "health":
            self._answer(200, {"status": "ok"})
        elif collection != "reservations":
            self._answer(404, {"error": "no such path"})
        elif not order:
            self._answer(200, self.server.inventory.all())
        elif (found := self.server.inventory.find(order)) is not None:
            self._answer(200, found)
        else:
            self._answer(404, {"error": "no such order"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            asked = json.loads(body)
            order, item, quantity = str(asked["order"]), str(asked["item"]), int(asked["quantity"])
        except (ValueError, KeyError, TypeError):
            self._answer(400, {"error": "expected order, item and quantity"})
            return
        try:
            self._answer(201, self.server.inventory.reserve(order, item, quantity))
        except SoldOut:
            self._answer(409, {"error": f"not enough {item}"})
        except OSError as error:
            say("refused", order=order, reason=str(error))
            self._answer(503, {"error": "the reservation can't be stored"})

    def log_message(self, *_: object) -> None:
        """The service logs in JSON; see `say`."""

    def _answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """One thread a connection: a slow answer to one caller holds up no other."""

    daemon_threads = True

    def __init__(self, port: int, inventory: Inventory) -> None:
        self.inventory = inventory
        super().__init__(("127.0.0.1", port), Handler)


def say(event: str, **fields: object) -> None:
    """One line of JSON on stdout: what monitors watch."""
    print(json.dumps({"event": event, **fields}), flush=True)


def main() -> None:
    log = WriteAheadLog(Path(os.environ["DATA"]) / "wal.log", variant=os.environ.get("ORDERS_VARIANT", "fixed"))
    server = Server(int(os.environ["PORT"]), Inventory(log))
    say("listening", port=server.server_port)
    server.serve_forever()


if __name__ == "__main__":
    main()
