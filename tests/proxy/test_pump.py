"""A pair and its transports, in orders that sockets take only under load."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest

from faultbox.model.message import Edge
from faultbox.protocols.contract import dialogue
from faultbox.proxy.conversation import Conversation
from faultbox.proxy.counting import Ledger
from faultbox.proxy.end import End
from faultbox.proxy.playbook import a_rule
from faultbox.proxy.pump import Holder, Pair
from faultbox.proxy.rulebook import Rulebook


class Wire(asyncio.Transport):
    """A transport that writes down what is done with it. What was reset ends at once, all else when the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []
        self.socket = socket.socket()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.socket if name == "socket" else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def is_closing(self) -> bool:
        return bool({"closed", "reset"} & set(self.done))

    def write(self, data: Any) -> None:
        self.done.append(bytes(data).decode())

    def write_eof(self) -> None:
        self.done.append("ended")

    def close(self) -> None:
        self.done.append("closed")

    def abort(self) -> None:
        self.done.append("reset")

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Nobody:
    """Whoever has the pair."""

    capture = None

    def note(self, fields: Mapping[str, str], connection: int = 0) -> None:
        pass

    def joined(self, pair: Pair) -> None:
        pass

    def gone(self, pair: Pair) -> None:
        pass


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A caller's connection that drops all requests; the service's is still being made."""
    loop = asyncio.new_event_loop()
    book = Rulebook(Edge("api", "db", "main", "tcp", 1), Ledger([0] * 8), 1)
    book.swap([a_rule("drop", protocol="tcp")])
    made = Pair(loop, Conversation(dialogue("tcp"), book), cast("Holder", Nobody()))
    made.begin(lambda _: None)
    wire = Wire()
    made.caller.connection_made(wire)
    yield made
    wire.socket.close()
    loop.close()


def test_a_service_reached_only_after_its_request_was_dropped_meets_an_end_and_no_reset(pair: Pair) -> None:
    caller = pair.caller.transport
    pair.caller.data_received(b"hello")
    assert done(caller) == ["ended"]
    pair.caller.eof_received()
    pair.caller.connection_lost(None)
    assert late(pair.service) == ["closed"]


def test_a_service_reached_only_after_its_caller_was_reset_is_reset(pair: Pair) -> None:
    pair.caller.connection_lost(ConnectionResetError())
    assert late(pair.service) == ["reset"]


def late(end: End) -> list[str]:
    """What becomes of a connection that is there at last."""
    wire = Wire()
    with wire.socket:
        end.connection_made(wire)
    return wire.done


def done(transport: asyncio.Transport | None) -> list[str]:
    assert isinstance(transport, Wire)
    return transport.done
