"""Prints one line of $BYTES bytes that are no text, without an end, and then listens."""

import os
import socket

left = int(os.environ["BYTES"])
while left:
    left -= os.write(1, b"\xff" * min(left, 1 << 16))
with socket.create_server(("127.0.0.1", int(os.environ["PORT"]))) as listener:
    while True:
        listener.accept()[0].close()
