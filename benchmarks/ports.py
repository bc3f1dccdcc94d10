"""Waiting for whoever is to listen."""

from __future__ import annotations

import socket
import time

_PATIENCE_S = 10.0
_PAUSE_S = 0.002


def await_port(port: int) -> None:
    """Until a connection to the port of 127.0.0.1 is accepted. Raises OSError when it never is."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S)
        else:
            return
