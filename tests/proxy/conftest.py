"""A protocol of lines, and conversations that are played from a script."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import pytest

from faultbox.model.message import Message, MessageFault, MessageRule, Side
from faultbox.model.protocols import PROTOCOLS, MatchKey, Protocol, match
from faultbox.protocols.contract import Dialogue, Part, Reply
from faultbox.proxy.playbook import Play, a_rule


class Line:
    """`word rest` of a line."""

    def __init__(self, side: Side, text: str) -> None:
        self.side: Side = side
        self.text = text

    @property
    def identity(self) -> str:
        return f"lines {self.text.partition(' ')[0]}"

    @property
    def summary(self) -> Mapping[str, str]:
        return {"word" if self.side == "request" else "answer": self.text}

    def value(self, key: str) -> str | None:
        return self.text.partition(" ")[0] if key == "word" else None


class Lines(Dialogue):
    """Every line is answered by a line; one that begins with `!` is a push, or a request without an answer.

    `+` at a line's end says that the message goes on with the next line. `STARTTLS` begins TLS. After an
    answer `?` nothing that waits will be answered.
    Bytes from 0x80 on make no sense.
    """

    def __init__(self) -> None:
        super().__init__()
        self.buffer = {"request": b"", "response": b""}
        self.within = {"request": False, "response": False}

    def receive(self, side: Side, data: bytes) -> list[Part]:
        *lines, rest = (self.buffer[side] + data).split(b"\n")
        self.buffer[side] = rest
        parts = [self._part(side, line + b"\n") for line in lines]
        if any(byte > 127 for byte in self.buffer[side]):
            parts += self.end(side)
            self.opaque, self.why = True, "not lines"
        return parts

    def end(self, side: Side) -> list[Part]:
        rest, self.buffer[side] = self.buffer[side], b""
        return [Part(rest)] if rest else []

    def reply(self, fault: MessageFault, request: Message) -> Reply:
        data = f"-{fault.arguments.get('message', 'error')}\n".encode()
        return Reply(data, "fatal" in fault.arguments, instead=fault.arguments.get("instead", b""))

    def rewrite(self, fault: MessageFault, message: Message, raw: bytes) -> bytes:
        return str(fault.arguments["to"]).encode() + b"\n"

    def _part(self, side: Side, line: bytes) -> Part:
        text = line.decode("latin-1").rstrip("\n")
        message = None if self.within[side] else Line(side, text)
        self.within[side] = text.endswith("+")
        replies = not text.startswith("!")
        if side == "response" and message is not None and replies and self.waiting:
            self.waiting.popleft()
        skips = 0
        if side == "response" and text == "?":
            skips = len(self.waiting)
            self.waiting.clear()
        last, tls = not self.within[side], text == "STARTTLS"
        return Part(line, message, last=last, replies=replies, payload=2, skips=skips, tls=tls)


@pytest.fixture(autouse=True)
def _lines_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Protocol("lines", match=match(MatchKey("word", "word")))
    monkeypatch.setattr("faultbox.model.protocols.PROTOCOLS", {**PROTOCOLS, "lines": table})


@pytest.fixture
def play() -> Callable[..., Play]:
    """`play(*rules, seed=)`: a conversation of lines."""

    def make(*rules: MessageRule, seed: int = 1) -> Play:
        return Play(Lines, *rules, protocol="lines", seed=seed)

    return make


@pytest.fixture
def rule() -> Callable[..., MessageRule]:
    """A rule on lines."""
    return partial(a_rule, protocol="lines")
