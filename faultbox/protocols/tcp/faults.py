"""Any bytes over TCP, taken in turns: what one side says until the other one speaks is a message.

Who speaks first does not matter. Nothing is ever held: a turn is judged by the bytes that came
first, and what follows shares its fate. In a conversation where both sides speak at once, turns are
where they happen to interrupt each other.
"""

from __future__ import annotations

from collections.abc import Mapping

from faultbox.model.message import Message, MessageFault, Side
from faultbox.protocols.answers import octets
from faultbox.protocols.contract import Dialogue, Part, Reply

_LOOKED_AT = 64 * 1024
_WORD = 32


class Turn:
    """A turn, by its first bytes."""

    def __init__(self, side: Side, first: bytes) -> None:
        self.side: Side = side
        self._first = first

    @property
    def _text(self) -> str:
        return self._first[:_LOOKED_AT].decode("utf-8", "surrogateescape")

    @property
    def _word(self) -> str:
        words = self._first[:_WORD].split(maxsplit=1)
        return words[0].decode("utf-8", "surrogateescape") if words else ""

    @property
    def identity(self) -> str:
        return f"tcp {self.side} {self._word}"

    @property
    def summary(self) -> Mapping[str, str]:
        return {"method": self._word, "size": str(len(self._first))}

    def value(self, key: str) -> str | None:
        return {"data": self._text.rstrip("\r\n"), "method": self._word}.get(key)


class Turns(Dialogue):
    turns = True

    def __init__(self) -> None:
        super().__init__()
        self._speaker: Side | None = None

    def receive(self, side: Side, data: bytes) -> list[Part]:
        if side == self._speaker:
            return [Part(data, last=False)]
        self._speaker = side
        answers = side == "request"
        if side == "response" and self.waiting:
            self.waiting.popleft()
            answers = True
        return [Part(data, Turn(side, data), last=False, replies=answers)]

    def end(self, side: Side) -> list[Part]:  # noqa: ARG002 - nothing is held of either
        return []

    def reply(self, fault: MessageFault, message: Message) -> Reply:  # noqa: ARG002 - the same whatever was said
        """The body, as it is; what the caller says next is a new turn."""
        self._speaker = "response"
        body = fault.arguments.get("body", b"")
        return Reply(octets(body) if isinstance(body, str) else bytes(body))

    def rewrite(self, fault: MessageFault, message: Message, raw: bytes) -> bytes:
        raise NotImplementedError("tcp has no rewrite()")


def dialogue() -> Dialogue:
    return Turns()
