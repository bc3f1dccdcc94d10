"""redis steps: one command on a connection of its own, in RESP2."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from faultbox.model.host import Response, SpecError
from faultbox.model.printed import flat, printed
from faultbox.model.protocols import ABSENT, PROTOCOLS
from faultbox.protocols.answers import BODY_LIMIT, DEFAULT_TIMEOUT_S, octets
from faultbox.protocols.connection import Connection, StepFailed
from faultbox.protocols.redis import wire
from faultbox.protocols.redis.values import Failure, Simple, command, decode

if TYPE_CHECKING:
    from faultbox.protocols.secure import Securing

_METHODS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "get": ("GET", ("key",)),
    "set": ("SET", ("key", "value")),
    "delete": ("DEL", ("key",)),
    "del": ("DEL", ("key",)),
    "ping": ("PING", ()),
    "keys": ("KEYS", ("pattern",)),
    "incr": ("INCR", ("key",)),
    "lpush": ("LPUSH", ("key", "value")),
    "rpush": ("RPUSH", ("key", "value")),
    "lrange": ("LRANGE", ("key", "start", "stop")),
}

_CREDENTIALS: Mapping[str, str] = {"password": "REDIS_PASSWORD", "user": "REDIS_USER"}


def defaults(env: Mapping[str, str]) -> Mapping[str, Any]:
    """The credentials that a service's environment gives."""
    return {name: env[variable] for name, variable in _CREDENTIALS.items() if env.get(variable)}


def ready(address: tuple[str, int], timeout_s: float, tls: Securing | None = None) -> str:
    """Whether PING is answered: "" or what was wrong. One attempt. One who wants a password is ready too."""
    error = step(address, "ping", {}, timeout_s, tls).error
    return "" if error.startswith(("NOAUTH ", "NOPERM ")) else error


def step(
    address: tuple[str, int],
    method: str,
    arguments: Mapping[str, Any],
    timeout_s: float = DEFAULT_TIMEOUT_S,
    tls: Securing | None = None,
) -> Response:
    """One command, as the method's table says, with password=, user= and timeout_ms=.

    `data` is `{"value": …}`: a string (bytes that aren't UTF-8 stay as they are), a number, None for nil, or a
    list; `body` is the same as text. A reply that is an error gives ok=False and `error`, its text, which
    begins with its code. A transport error gives `error` too, as for http.
    """
    sent = _commands(method, arguments)
    start = time.monotonic()
    deadline = start + arguments.get("timeout_ms", timeout_s * 1000) / 1000
    try:
        value = _exchange(address, sent, deadline, tls)
    except StepFailed as failed:
        return Response(error=str(failed), duration_ms=_since(start), protocol="redis")
    if isinstance(value, Failure):
        error = _text(value.text)
        return Response(error=error, data={"value": None}, duration_ms=_since(start), protocol="redis")
    data = {"value": _plain(value)}
    body = data["value"] if isinstance(data["value"], str) else "" if value is None else printed(data["value"])
    return Response(body=body, data=data, fields=flat(data), ok=True, duration_ms=_since(start), protocol="redis")


def _exchange(address: tuple[str, int], sent: list[bytes], deadline: float, tls: Securing | None) -> Any:
    """The value of the last reply, or the first error."""
    replies, reply = wire.Replies(), bytearray()
    left = len(sent)
    with Connection(address, deadline, tls) as connection:
        for received in connection.exchange(b"".join(sent)):
            for piece in replies.feed(received):
                reply += piece.raw
                if not piece.last:
                    continue
                value = _value(bytes(reply), replies.broken)
                reply.clear()
                left -= 1
                if not left or isinstance(value, Failure):
                    return value
            if len(reply) > BODY_LIMIT:
                raise StepFailed(f"protocol error: a reply of more than {BODY_LIMIT >> 20} MiB")
    where = "in the middle of a reply" if reply or replies.rest() else "without an answer"
    raise StepFailed(f"protocol error: the connection was closed {where}")


def _value(reply: bytes, broken: str) -> Any:
    if not broken:
        try:
            return decode(reply)
        except ValueError:
            broken = f"not a Redis reply: {reply[:40]!r}"
    raise StepFailed(f"protocol error: {broken}")


def _commands(method: str, arguments: Mapping[str, Any]) -> list[bytes]:
    """What is sent: AUTH where there is a password, then the command."""
    given = _given(method, arguments)
    if method == "command":
        words = [*given["cmd"].split(), *_list(given["args"])]
    else:
        name, names = _METHODS[method]
        words = [name, *(given[each] for each in names)]
    if not words:
        raise SpecError("WRONG_VALUE", "cmd is empty", accepted="the name of a command")
    user, password = given.get("user"), given.get("password")
    credentials = [("AUTH", *((user,) if user else ()), password)] if password else []
    return [command(*map(_argument, each)) for each in (*credentials, words)]


def _given(method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments, with the table's defaults for those which are not there."""
    form = PROTOCOLS["redis"].methods.get(method)
    if form is None:
        raise ValueError(f"redis has no step {method!r}")
    defaults = {each.name: each.default for each in form.parameters if each.default is not ABSENT}
    given = {**defaults, **arguments}
    for each in form.parameters:
        if each.name not in given and each.name not in _CREDENTIALS:
            raise SpecError("MISSING_ARGUMENT", f"{each.name}= is missing")
    return given


def _list(value: Any) -> list[Any] | tuple[Any, ...]:
    if isinstance(value, list | tuple):
        return value
    raise SpecError("WRONG_TYPE", f"args must be a list, got {value!r}")


def _argument(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return octets(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return printed(value).encode()
    raise SpecError("WRONG_TYPE", f"{value!r} can't be an argument of a command", accepted="a string, bytes, a number")


def _plain(value: Any) -> Any:
    if isinstance(value, Simple | Failure):
        return _text(value.text)
    if isinstance(value, bytes):
        return _text(value)
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _since(start: float) -> float:
    return (time.monotonic() - start) * 1000
