"""Redis at the proxy: commands and replies as messages, and what injected answers look like."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from faultbox.model.message import Message, MessageAction, MessageFault, Side, Unknown
from faultbox.protocols.contract import Dialogue, Part, Reply
from faultbox.protocols.redis.commands import DELIVERIES, keys_of
from faultbox.protocols.redis.messages import JOINT, Request, Response
from faultbox.protocols.redis.session import Session, special
from faultbox.protocols.redis.values import Failure, Push, Simple, command, encode, octets
from faultbox.protocols.redis.wire import (
    Commands,
    Piece,
    Replies,
    scalars,
    whole_command,
    whole_commands,
    whole_scalars,
)
from faultbox.rules import tester

_WITH_CODE = re.compile(r"[A-Z][A-Z0-9_]*(?: |$)")
_TEXTS: Mapping[str, str] = {
    "BUSY": "Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "BUSYGROUP": "Consumer Group name already exists",
    "CLUSTERDOWN": "The cluster is down",
    "CROSSSLOT": "Keys in request don't hash to the same slot",
    "ERR": "injected fault",
    "EXECABORT": "Transaction discarded because of previous errors.",
    "LOADING": "Redis is loading the dataset in memory",
    "MASTERDOWN": "Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "MISCONF": "Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. "
    "Commands that may modify the data set are disabled, because this instance is configured to report errors "
    "during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). "
    "Please check the Redis logs for details about the RDB error.",
    "NOAUTH": "Authentication required.",
    "NOPERM": "User default has no permissions to run this command",
    "NOREPLICAS": "Not enough good replicas to write.",
    "NOSCRIPT": "No matching script. Please use EVAL.",
    "OOM": "command not allowed when used memory > 'maxmemory'.",
    "READONLY": "You can't write against a read only replica.",
    "TRYAGAIN": "Multiple keys request during rehashing of slot",
    "UNKILLABLE": "The busy script was already executed. Not killable.",
    "WRONGPASS": "invalid username-password pair or user is disabled.",
    "WRONGTYPE": "Operation against a key holding the wrong kind of value",
}
"""What Redis says with each code: drivers look for the code with a space after it."""
_WHEN_DONE = re.compile(
    rb"(?:WRONGTYPE|BUSYGROUP|BUSYKEY|NOGROUP|NOSCRIPT)(?: |$)|ERR (?:value is not|no such key|index out of range"
    rb"|increment or decrement|syntax error|resulting score|string exceeds|hash value is not|invalid stream ID)"
)
"""Errors that Redis finds when it does a command: one that is queued is accepted then, and EXEC does the others."""
_QUEUED = b"+QUEUED\r\n"
_REFUSED = command(b"FAULTBOX.REFUSED")
"""What no service knows: a transaction in which it was said fails at EXEC, as after any refused command."""
_DISCARD = command(b"DISCARD")


_GLANCE = 64 * 1024
"""Bytes beyond which no shortcut is taken."""
_REMEMBERED = 512
"""Bytes beyond which commands are not remembered."""


def _at_a_glance(data: bytes, protocol: int) -> tuple[Request, ...] | None:
    """The commands that these bytes are, if they are whole ordinary ones."""
    requests = tuple(
        _ordinary(frame, protocol) if len(frame) <= _REMEMBERED else _request(frame, protocol)
        for frame in whole_commands(data)
    )
    return None if not requests or any(each.special for each in requests) else requests


_remembered = lru_cache(maxsize=4096)(_at_a_glance)


def _request(frame: bytes, protocol: int) -> Request:
    """A command outside of a transaction."""
    piece = whole_command(frame)
    return Request(piece, special=special(piece.name), protocol=protocol, transaction=None)


@lru_cache(maxsize=8192)
def _ordinary(frame: bytes, protocol: int) -> Request:
    """The same, remembered: callers send the same ones again and again."""
    request = _request(frame, protocol)
    request.lasting = True
    return request


def dialogue() -> Dialogue:
    return RedisDialogue()


def matcher(key: str, glob: str) -> Callable[[str], bool]:
    """A command by its name, or by name and subcommand (`CONFIG SET`); a key if it is any of the command's keys."""
    if key == "command":
        test = tester("word", glob.replace("|", " "))
        return test if " " in glob or "|" in glob else lambda name: test(name.partition(" ")[0])
    meets = tester("text", glob)
    return lambda keys: any(map(meets, keys.split(JOINT))) if JOINT in keys else meets(keys)


class RedisDialogue(Dialogue):
    """One connection of a Redis client."""

    def __init__(self) -> None:
        super().__init__()
        self._session = Session()
        self._commands = Commands(lambda arguments, count: bool(arguments) and keys_of(arguments, count) is not None)
        self._replies = Replies()

    def receive(self, side: Side, data: bytes) -> list[Part]:
        if side == "request":
            self._commands.hold = "request" in self.interest.whole
            parts = [self._request(piece) for piece in self._commands.feed(data)]
            self._give_up(self._commands.broken)
            if self._session.replicates:
                self._give_up("it carries a replication stream")
            return parts
        interest, replies = self.interest, self._replies
        replies.hold = self._session.pubsub or "response" in interest.whole or interest.wants("response", "value")
        parts = [self._response(piece) for piece in replies.feed(data)]
        self._give_up(replies.broken)
        return parts

    def quick_requests(self, data: bytes) -> tuple[Request, ...] | None:
        session = self._session
        if session.unusual or len(data) > _GLANCE:
            return None
        return (_remembered if len(data) <= _REMEMBERED else _at_a_glance)(data, session.protocol)

    def quick_responses(self, data: bytes) -> int:
        waiting = self.waiting
        count = 0 if self._session.unusual else whole_scalars(data, len(waiting))
        if any(waiting[number].special for number in range(count)):  # type: ignore[attr-defined]
            return 0
        return count

    def answers(self, data: bytes) -> list[Response]:
        requests = (each for each in self.waiting if isinstance(each, Request))
        return [Response(raw, request, whole=True) for raw, request in zip(scalars(data), requests, strict=False)]

    def end(self, side: Side) -> list[Part]:
        rest = (self._commands if side == "request" else self._replies).rest()
        return [Part(rest)] if rest else []

    def refuses(self, fault: MessageFault, message: Message) -> str:
        """Only what stands for itself is sent twice; a value can't be put where a transaction says QUEUED."""
        if isinstance(message, Request):
            return _once(message) if fault.action is MessageAction.DUPLICATE else ""
        if not isinstance(message, Response):
            return ""
        if fault.action is MessageAction.DUPLICATE and message.request is not None:
            return "a reply that comes twice would be taken for the next command's"
        return _fixed(message) if fault.action is MessageAction.REWRITE else ""

    def reply(self, fault: MessageFault, message: Message) -> Reply:
        """response(value=) and error(message=), in the RESP version the caller has asked for.

        Within a transaction the service must be told: a value comes out of EXEC, and so does an error that is found
        when a command is done; one by which a command is refused makes EXEC fail, and an EXEC that fails leaves no
        transaction open. All as with Redis.
        """
        request = message.request if isinstance(message, Response) else message
        if fault.action is MessageAction.ERROR:
            value: Any = Failure(error_text(fault.arguments.get("message", "")))
        else:
            value = fault.arguments.get("value", fault.arguments.get("body") or None)
        data = encode(value, request.protocol if isinstance(request, Request) else self._session.protocol)
        if not isinstance(message, Request):
            return Reply(data)
        self._session.refuse(message)
        if message.queued:
            refused = isinstance(value, Failure) and not _WHEN_DONE.match(value.text)
            return Reply(data if refused else _QUEUED, instead=_REFUSED if refused else scripted(value))
        ends = message.in_transaction and message.special == b"EXEC"
        return Reply(data, instead=_DISCARD if ends else b"")

    def rewrite(self, fault: MessageFault, message: Message, raw: bytes) -> bytes:
        """rewrite(value=): a reply keeps its type where it can; of a delivery the content is changed."""
        if not isinstance(message, Response):
            return raw
        protocol = message.request.protocol if message.request else self._session.protocol
        return encode(_like(message.decoded(), fault.arguments["value"]), protocol)

    def _give_up(self, why: str) -> None:
        if why:
            self.opaque, self.why = True, why

    def _request(self, piece: Piece) -> Part:
        if not piece.name:
            return Part(piece.raw, last=piece.last)
        request, replies = self._session.ask(piece)
        return Part(piece.raw, request, last=piece.last, replies=replies, payload=piece.payload)

    def _response(self, piece: Piece) -> Part:
        raw, whole = piece.raw, piece.last
        if not piece.begins:
            return Part(raw, last=whole)
        first = self.waiting[0] if self.waiting else None
        asked, done = self._session.answer(raw, first if isinstance(first, Request) else None, whole=whole)
        if done:
            self.waiting.popleft()
        payload = raw.find(b"\n") + 1 if raw[:1] == b"$" else 0
        return Part(raw, Response(raw, asked, whole=whole), last=whole, replies=done, payload=payload)


def _once(request: Request) -> str:
    """Why a command can't be sent twice."""
    if request.queued:
        return "it was queued in a transaction: EXEC would have more results than were asked for"
    return f"{request.command} changes what the connection says" if request.special else ""


def _fixed(response: Response) -> str:
    """Why a reply can't be given another value."""
    if response.request and response.request.queued:
        return "it was queued in a transaction: its value comes in the answer to EXEC"
    try:
        response.decoded()
    except Unknown as unknown:
        return str(unknown)
    return ""


def error_text(message: str) -> bytes:
    """An error as Redis says it: with a code in front, and its own words where only the code was given."""
    text = message.lstrip("-").strip() or "ERR"
    if not _WITH_CODE.match(text):
        text = f"ERR {text}"
    if text in _TEXTS:
        text = f"{text} {_TEXTS[text]}"
    return octets(text)


def scripted(value: Any) -> bytes:
    """A command whose result is this value or error: what a transaction does in the place of another one."""
    return command(b"EVAL", b"return " + _lua(value), b"0")


def _lua(value: Any) -> bytes:
    """A value in Lua, as scripts give it to callers: false is nil, a table is a list."""
    if value is None:
        return b"false"
    if isinstance(value, Failure):
        return b"{err=" + _lua(value.text) + b"}"
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, dict):
        value = [each for pair in value.items() for each in pair]
    if isinstance(value, list | tuple):
        return b"{" + b",".join(map(_lua, value)) + b"}"
    data = value if isinstance(value, bytes) else octets(str(value))
    return b"'" + b"".join(b"\\%03d" % byte for byte in data) + b"'"


def _like(old: Any, value: Any) -> Any:
    """The new value, as the type of the old one where that is possible."""
    if isinstance(old, Push):
        return Push((*old.items[:-1], value))
    if isinstance(old, list) and old and isinstance(old[0], bytes) and old[0] in DELIVERIES:
        return [*old[:-1], value]
    if isinstance(old, Simple) and isinstance(value, str):
        return Simple(octets(value))
    if isinstance(old, int) and isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    if isinstance(old, bytes) and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value
