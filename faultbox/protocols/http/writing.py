"""HTTP/1 messages that are made up, or changed on their way."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from faultbox.model.message import MessageAction, MessageFault, Unknown
from faultbox.protocols.answers import octets
from faultbox.protocols.contract import Reply
from faultbox.protocols.http.messages import Head, HttpMessage, Request, Response, bodiless, fields

_OF_CONNECTIONS = ("connection", "keep-alive", "proxy-connection")
_ANSWERED = "its body can't become JSON with these fields: it is not JSON, or something else stands on the way"


def made_up(fault: MessageFault, request: Request | None, *, close: bool = False) -> Reply:
    """The answer of a response() or error() to a request, or in place of what it was answered.

    `close`: the connection ends after it, whatever the request says of that.
    """
    arguments = fault.arguments
    if fault.action is MessageAction.ERROR:
        status = int(arguments.get("status", 500))
        body: Any = {"error": arguments.get("message", "injected fault")}
    else:
        status, body = int(arguments.get("status", 200)), arguments.get("body", b"")
    code = str(status).encode("ascii")
    content, kind = _written(arguments["json"]) if "json" in arguments else _content(body)
    own = {name: value for name, value in arguments.get("headers", {}).items() if value is not None}
    close = close or request is None or ends_connection(request.head) or request.head.expects or _says_close(own)
    headers = _needed(content, kind, request, close=close, empty=bodiless(None, code))
    headers = {name: value for name, value in headers.items() if name.lower() not in map(str.lower, own)} | own
    return Reply(_head(_status_line(status), headers.items()) + (b"" if bodiless(request, code) else content), close)


def _needed(content: bytes, kind: str, request: Request | None, *, close: bool, empty: bool) -> dict[str, str]:
    """The headers of an answer, as far as a rule does not say otherwise."""
    headers = {"Content-Type": kind} if content else {}
    if not empty:
        headers["Content-Length"] = str(len(content))
    if close:
        headers["Connection"] = "close"
    elif request is not None and not request.head.minor:
        headers["Connection"] = "keep-alive"  # which of HTTP/1.0 has to be said (RFC 9112, C.2.2)
    return headers


def _says_close(headers: Mapping[str, str]) -> bool:
    return any(name.lower() == "connection" and "close" in value.lower() for name, value in headers.items())


def rewritten(fault: MessageFault, message: HttpMessage, raw: bytes) -> bytes:
    """A whole message with another status, other headers, another body or other fields in it.

    Raises Unknown where it has no body that could be changed, or none that can be read.
    """
    arguments = fault.arguments
    line = raw.partition(b"\n")[0].rstrip(b"\r")
    changed: dict[str, Any] = {name.lower(): value for name, value in arguments.get("headers", {}).items()}
    payload = raw[len(message.head.raw) :]
    framing: dict[str, Any] = {}
    if isinstance(message, Response) and "status" in arguments:
        line = _status_line(int(arguments["status"]))
        framing = _framing_of(message, str(arguments["status"]).encode("ascii"))
    silent = isinstance(message, Response) and bodiless(message.request, line.split(b" ")[1])
    if "body" in arguments or "json" in arguments:
        if silent:
            raise Unknown("it has no body to rewrite")
        payload, kind = _changed(message, arguments)
        if kind:
            changed.setdefault("content-type", kind)
        framing = {"transfer-encoding": None, "content-encoding": None, "content-length": str(len(payload))}
    changed |= framing
    kept = [(name, value) for name, value in fields(message.head.raw) if name.lower() not in changed]
    written = {name.lower(): name for name in arguments.get("headers", {})}
    added = [(written.get(key, key.title()), value) for key, value in changed.items() if value is not None]
    return _head(line, (*kept, *added)) + (b"" if silent else payload)


def said_last(request: Request, raw: bytes) -> bytes:
    """A whole request as the last one of a connection."""
    kept = [(name, value) for name, value in fields(request.head.raw) if name.lower() not in _OF_CONNECTIONS]
    line = raw.partition(b"\n")[0].rstrip(b"\r")
    return _head(line, (*kept, ("Connection", "close"))) + raw[len(request.head.raw) :]


def _framing_of(response: Response, status: bytes) -> dict[str, Any]:
    """The headers that another status asks for: one has a body and the other has none."""
    if response.head.second == b"101" and status != b"101":
        raise Unknown("another protocol begins with it; answer the request by response() or error() instead")
    before, after = bodiless(response.request, response.head.second), bodiless(response.request, status)
    if after and not before:
        return {"transfer-encoding": None, "content-length": None}
    return {"transfer-encoding": None, "content-length": "0"} if before and not after else {}


def _changed(message: HttpMessage, arguments: Mapping[str, Any]) -> tuple[bytes, str]:
    """The new body, and its type where the head would say something else."""
    if "body" not in arguments:
        return _with_fields(message.content(), arguments["json"]), ""
    content, kind = _content(arguments["body"])
    return content, "" if isinstance(arguments["body"], str | bytes) or _is_json(message) else kind


def _is_json(message: HttpMessage) -> bool:
    """Whether its head says that its body is JSON, of some kind (RFC 6838, 4.2.8)."""
    kind = message.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind.endswith(("/json", "+json"))


def ends_connection(head: Head) -> bool:
    """Whether a message says that its connection ends with it, or with its answer (RFC 9112, 9.3)."""
    return b"close" in head.connection or (head.minor == 0 and b"keep-alive" not in head.connection)


def _status_line(status: int) -> bytes:
    from http import HTTPStatus

    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}".encode("ascii")


def _head(line: bytes, headers: Iterable[tuple[str, Any]]) -> bytes:
    lines = (f"{name}: {value}".encode("utf-8", "surrogateescape") for name, value in headers)
    return b"\r\n".join((line, *lines)) + b"\r\n\r\n"


def _content(body: Any) -> tuple[bytes, str]:
    """A body's bytes and its type: JSON where it is a value, or a text that is one."""
    if isinstance(body, bytes):
        return body, "application/octet-stream"
    if isinstance(body, str):
        return octets(body), "application/json" if body.lstrip()[:1] in ("{", "[") else "text/plain; charset=utf-8"
    return _written(body)


def _written(value: Any) -> tuple[bytes, str]:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogateescape"), "application/json"


def _with_fields(content: bytes, changes: Mapping[str, Any]) -> bytes:
    """A JSON body with values put at dotted paths; objects that are missing on the way are made."""
    try:
        value = json.loads(content)
        for path, new in changes.items():
            _put(value, path.split("."), new)
    except (ValueError, LookupError, TypeError, RecursionError):
        raise Unknown(_ANSWERED) from None
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _put(value: Any, steps: list[str], new: Any) -> None:
    *way, last = steps
    for step in way:
        value = value[int(step)] if isinstance(value, list) else value.setdefault(step, {})
    if isinstance(value, list):
        value[int(last)] = new
    else:
        value[last] = new
