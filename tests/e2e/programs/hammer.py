"""Asks the TCP service at PEER again and again, each time on a new connection; OUTCOMES gets a line for each."""

import os
import socket
import time

HOST, _, PORT = os.environ["PEER"].rpartition(":")


def ask():
    try:
        with socket.create_connection((HOST, int(PORT)), timeout=0.05) as peer:
            peer.sendall(b"x\n")
            return peer.recv(100).decode().strip() or "closed"
    except OSError as error:
        return type(error).__name__


with open(os.environ["OUTCOMES"], "w", buffering=1) as outcomes:  # noqa: PTH123 - as few imports as can be
    while True:
        outcomes.write(ask() + "\n")
        time.sleep(0.001)
