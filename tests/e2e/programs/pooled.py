"""An HTTP service with one pooled connection to redis; GET /ping says on which connection it got its answer.

TIMEOUT is how many seconds it waits for anything.
"""

import os
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import web

POOL = {"connection": None, "number": 0}
TIMEOUT = float(os.environ.get("TIMEOUT", "5"))


def ping():
    """Over the pooled connection, and over a new one where that is broken."""
    try:
        return ping_once()
    except OSError:
        POOL["connection"] = None
        return ping_once()


def ping_once():
    if POOL["connection"] is None:
        POOL["connection"] = socket.create_connection(("localhost", 6379), timeout=TIMEOUT)
        POOL["number"] += 1
    POOL["connection"].sendall(b"PING\r\n")
    answer = POOL["connection"].recv(100)
    if not answer:
        raise ConnectionResetError(104, "closed")
    return answer.strip() + b" on connection %d" % POOL["number"]


plain = web.serve


def serve(connection, method, path, query, body):
    if path != "/ping":
        plain(connection, method, path, query, body)
        return
    try:
        web.answer(connection, 200, ping())
    except OSError as error:
        web.answer(connection, 502, web.error_name(error))


web.serve = serve
web.main()
