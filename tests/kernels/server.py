#!/usr/bin/env python3
"""Answers a line over TCP and a datagram over UDP. `PORT`, `UDP`, `PEER` (host:port of whom `ask` asks), `FILE`."""

import os
import selectors
import socket
import subprocess


def answer(word: str) -> str:
    if word == "write":
        try:
            with open(os.environ["FILE"], "a") as file:  # noqa: PTH123 - pathlib is a slow import under emulation
                file.write("a line\n")
        except OSError as error:
            return str(error.strerror)
    if word == "ask":
        host, port = os.environ["PEER"].rsplit(":", 1)
        try:
            with socket.create_connection((host, int(port)), timeout=5) as peer:
                peer.sendall(b"hello\n")
                return peer.recv(100).decode().strip()
        except OSError as error:
            return f"{type(error).__name__}"
    if word == "fork":
        subprocess.run(["/bin/true"], check=True)
    return "done"


with (
    selectors.DefaultSelector() as ready,
    socket.create_server((os.environ.get("HOST", "127.0.0.1"), int(os.environ["PORT"]))) as listener,
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
):
    ready.register(listener, selectors.EVENT_READ)
    if "UDP" in os.environ:
        datagrams.bind(("127.0.0.1", int(os.environ["UDP"])))
        ready.register(datagrams, selectors.EVENT_READ)
    while True:
        for key, _ in ready.select():
            if key.fileobj is datagrams:
                data, sender = datagrams.recvfrom(100)
                datagrams.sendto(data, sender)
                continue
            client, _ = listener.accept()
            with client:
                word = client.recv(100).decode().strip()
                if word:
                    client.sendall(answer(word).encode() + b"\n")
