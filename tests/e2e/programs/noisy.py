"""Prints $BYTES bytes that are no text, in lines of $LINE or in one without an end, and then listens."""

import os
import socket

left, line = int(os.environ["BYTES"]), int(os.environ.get("LINE", "0"))
piece = b"\xff" * (line - 1) + b"\n" if line else b"\xff" * (1 << 16)
pieces = piece * ((1 << 16) // len(piece))
while left:
    left -= os.write(1, pieces[:left])
with socket.create_server(("127.0.0.1", int(os.environ["PORT"]))) as listener:
    while True:
        listener.accept()[0].close()
