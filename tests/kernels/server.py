#!/usr/bin/env python3
"""Answers a line over TCP and a datagram over UDP. `HOST`, `PORT`, `UDP`: where; `PEER`, `PEER_UDP` (host:port): whom
it asks in turn; `FILE`: what it writes into.

done: `ask` over a new connection, `again` over one that is kept, `tell` by a datagram.
"""

import contextlib
import os
import selectors
import socket


def answer(word: str) -> str:
    try:
        return ANSWERS[word]() if word in ANSWERS else "done"
    except OSError as error:
        return error.strerror or type(error).__name__


def write() -> str:
    with open(os.environ["FILE"], "a") as file:  # noqa: PTH123 - pathlib is a slow import under emulation
        file.write("a line\n")
    return "done"


def address(variable: str) -> tuple[str, int]:
    host, port = os.environ[variable].rsplit(":", 1)
    return host.strip("[]"), int(port)


def ask() -> str:
    with socket.create_connection(address("PEER"), timeout=5) as peer:
        return exchange(peer, "hello")


def again() -> str:
    if not kept:
        kept.append(socket.create_connection(address("PEER"), timeout=5))
    try:
        return exchange(kept[0], "stay")
    except OSError:
        kept.pop().close()
        raise


def tell() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(5)
        asking.sendto(b"hello", address("PEER_UDP"))
        data, sender = asking.recvfrom(100)
        return data.decode() if sender[1] == address("PEER_UDP")[1] else f"from {sender}"


def exchange(peer: socket.socket, word: str) -> str:
    peer.sendall(word.encode() + b"\n")
    return peer.recv(100).decode().strip()


def fork() -> str:
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
    return "done"


ANSWERS = {"write": write, "ask": ask, "again": again, "tell": tell, "fork": fork}
kept: list[socket.socket] = []
HOST = os.environ.get("HOST", "127.0.0.1")
IP = socket.AF_INET6 if ":" in HOST else socket.AF_INET

with (
    selectors.DefaultSelector() as ready,
    socket.create_server((HOST, int(os.environ["PORT"])), family=IP) as listener,
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
            if key.fileobj is listener:
                ready.register(listener.accept()[0], selectors.EVENT_READ)
                continue
            client = key.fileobj
            assert isinstance(client, socket.socket)
            word = ""
            with contextlib.suppress(ConnectionError):
                word = client.recv(100).decode().strip()
            if word:
                client.sendall(answer(word).encode() + b"\n")
            if word != "stay":
                ready.unregister(client)
                client.close()
