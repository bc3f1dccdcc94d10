"""HTTP/1 between a caller and a service: following it, answering it, rewriting it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from faultbox.model.message import Message, MessageAction, MessageFault, Side, Unknown
from faultbox.protocols.answers import octets
from faultbox.protocols.contract import Dialogue, Part, Reply
from faultbox.protocols.http.framing import EMPTY, Begun, Body, Chunked, Endless, Lost, Sized, read_head, whole_chunks
from faultbox.protocols.http.messages import Head, HttpMessage, Request, Response, fields
from faultbox.protocols.http.reader import Reader

_BODILESS = (b"204", b"304")
_BODY_KEYS = ("body", "json")
_GLANCE = 4096
"""Bytes of a head beyond which no shortcut is taken."""


@lru_cache(maxsize=2048)
def _at_a_glance(data: bytes) -> tuple[Request, ...] | None:
    """The one request without a body that these bytes are, if they are: clients send the same ones again and again."""
    if data.find(b"\r\n\r\n") != len(data) - 4 or data[:1] in (b"\r", b"\n"):
        return None
    try:
        head = read_head(data, "request")
    except Lost:
        return None
    if head.upgrade or head.first == b"CONNECT" or head.chunked or head.length > 0:
        return None
    request = Request(head)
    request.body = b""
    request.lasting = True
    return (request,)


def _with_body(data: bytes) -> tuple[Request, ...] | None:
    """The one request with a body of known length that these bytes are, if they are."""
    end = data.find(b"\r\n\r\n") + 4
    if end == 3 or data[:1] in (b"\r", b"\n"):
        return None
    try:
        head = read_head(data[:end], "request")
    except Lost:
        return None
    if head.upgrade or head.expects or head.coded or head.length != len(data) - end or head.first == b"CONNECT":
        return None
    return (Request(head),)


class HttpDialogue(Dialogue):
    """One connection. After a 101, or a CONNECT that was granted, it is opaque."""

    def __init__(self) -> None:
        super().__init__()
        self._readers: Mapping[Side, Reader] = {
            "request": Reader("request", self._begin_request),
            "response": Reader("response", self._begin_response),
        }
        self._upgrading: Request | None = None
        """A request after which the connection may become something else: what follows it can't be told yet."""
        self._unread = False

    def receive(self, side: Side, data: bytes) -> list[Part]:
        if side == "request" and self._upgrading is not None:
            self._unread = True
            return [Part(data)]
        reader = self._readers[side]
        parts = reader.feed(data)
        if reader.lost:
            self._give_up(reader.lost)
        return parts

    def quick_requests(self, data: bytes) -> tuple[Request, ...] | None:
        if self._upgrading is not None or len(data) > _GLANCE:
            return None
        if data.endswith(b"\r\n\r\n"):
            return _at_a_glance(data)
        return None if self._holds("request") else _with_body(data)

    def quick_responses(self, data: bytes) -> int:
        end = data.find(b"\r\n\r\n") + 4
        if not self.waiting or self._upgrading is not None or not 4 < end <= _GLANCE:
            return 0
        try:
            head = read_head(data[:end], "response")
        except Lost:
            return 0
        bodiless = self.waiting[0].head.first == b"HEAD" or head.second in _BODILESS  # type: ignore[attr-defined]
        if head.second[:1] == b"1":
            return 0
        if head.coded:
            return int(head.chunked and not bodiless and whole_chunks(data, end))
        length = 0 if bodiless else head.length
        return int(length >= 0 and end + length == len(data))

    def answers(self, data: bytes) -> tuple[Response, ...]:
        end = data.find(b"\r\n\r\n") + 4
        request = self.waiting[0]
        assert isinstance(request, Request)
        response = Response(read_head(data[:end], "response"), request)
        response.body = data[end:]
        return (response,)

    def end(self, side: Side) -> list[Part]:
        return self._readers[side].end()

    def _give_up(self, why: str) -> None:
        self.opaque, self.why = True, why
        self._readers["response"].lost = why

    # -- heads

    def _begin_request(self, head: Head) -> Begun:
        request = Request(head)
        if head.upgrade or head.first == b"CONNECT":
            self._upgrading = request
        body: Body = Chunked() if head.chunked else Sized(head.length) if head.length > 0 else EMPTY
        return Begun(request, body, hold=self._holds("request") and not head.expects)

    def _begin_response(self, head: Head) -> Begun:
        interim = head.second[:1] == b"1" and head.second != b"101"
        request = self.waiting[0] if self.waiting else None
        assert request is None or isinstance(request, Request)
        response = Response(head, request)
        if interim:
            return Begun(response, EMPTY, replies=False)
        if self.waiting:
            self.waiting.popleft()
        if self._upgrading is not None and request is self._upgrading:
            self._decided(head)
        return Begun(response, self._body_of(head, request), hold=self._holds("response"))

    def _decided(self, head: Head) -> None:
        """The answer to a request that asked for another protocol."""
        connect = self._upgrading is not None and self._upgrading.head.first == b"CONNECT"
        self._upgrading = None
        if head.second == b"101" or (connect and head.second[:1] == b"2"):
            self._give_up("the connection was upgraded or became a tunnel")
        elif self._unread:
            self._give_up("more was sent before an upgrade was answered")

    def _body_of(self, head: Head, request: Request | None) -> Body:
        """RFC 9112, 6.3."""
        bodiless = request is not None and request.head.first == b"HEAD"
        if self.opaque or bodiless or head.second in _BODILESS:
            return EMPTY
        if head.coded:
            return Chunked() if head.chunked else Endless()
        return Endless() if head.length < 0 else Sized(head.length)

    def _holds(self, side: Side) -> bool:
        return side in self.interest.whole or self.interest.wants(side, *_BODY_KEYS)

    # -- answers

    def refuses(self, fault: MessageFault, message: Message) -> str:
        """A head is spared: what has no body (answers to HEAD, 204, 304, most requests) can't be corrupted."""
        if fault.action is MessageAction.CORRUPT and isinstance(message, HttpMessage) and not message.body:
            return "it has no body to corrupt"
        return ""

    def reply(self, fault: MessageFault, message: Message) -> Reply:
        request = message.request if isinstance(message, Response) else message
        if request is self._upgrading:
            self._upgrading = None
        assert request is None or isinstance(request, Request)
        arguments = fault.arguments
        if fault.action is MessageAction.ERROR:
            status = int(arguments.get("status", 500))
            body: Any = {"error": arguments.get("message", "injected fault")}
        else:
            status, body = int(arguments.get("status", 200)), arguments.get("body", b"")
        content, kind = _content(body)
        close = request is None or _closes(request.head)
        headers = {"Content-Type": kind} if content else {}
        headers |= {name: str(value) for name, value in arguments.get("headers", {}).items() if value is not None}
        if status >= 200 and status not in (204, 304):
            headers["Content-Length"] = str(len(content))
        if close:
            headers["Connection"] = "close"
        silent = request is not None and request.head.first == b"HEAD"
        return Reply(_head(_status_line(status), headers.items()) + (b"" if silent else content), close)

    def rewrite(self, fault: MessageFault, message: Message, raw: bytes) -> bytes:
        """Status, headers, the body as a whole or field by field. Raises Unknown where the body can't be changed."""
        assert isinstance(message, HttpMessage)
        arguments = fault.arguments
        line = raw.partition(b"\n")[0].rstrip(b"\r")
        if isinstance(message, Response) and "status" in arguments:
            line = _status_line(int(arguments["status"]))
        changed: dict[str, Any] = {name.lower(): value for name, value in arguments.get("headers", {}).items()}
        payload = raw[len(message.head.raw) :]
        if "body" in arguments or "json" in arguments:
            if "body" in arguments:
                payload, kind = _content(arguments["body"])
                if not isinstance(arguments["body"], str | bytes) and not _is_json(message):
                    changed.setdefault("content-type", kind)
            else:
                payload = _with_fields(message.content(), arguments["json"])
            changed |= {"transfer-encoding": None, "content-encoding": None, "content-length": str(len(payload))}
        kept = [(name, value) for name, value in fields(message.head.raw) if name.lower() not in changed]
        written = {name.lower(): name for name in arguments.get("headers", {})}
        added = [(written.get(key, key.title()), value) for key, value in changed.items() if value is not None]
        return _head(line, (*kept, *added)) + payload


def _is_json(message: HttpMessage) -> bool:
    """Whether its head says that its body is JSON, of some kind (RFC 6838, 4.2.8)."""
    kind = message.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind.endswith(("/json", "+json"))


def _closes(head: Head) -> bool:
    """Whether the connection ends after an answer that did not wait for all of the request."""
    if b"close" in head.connection or head.expects:
        return True
    return head.minor == 0 and b"keep-alive" not in head.connection


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
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogateescape"), "application/json"


def _with_fields(content: bytes, changes: Mapping[str, Any]) -> bytes:
    """A JSON body with values put at dotted paths; objects that are missing on the way are made."""
    try:
        value = json.loads(content)
        for path, new in changes.items():
            _put(value, path.split("."), new)
    except (ValueError, LookupError, TypeError, RecursionError):
        raise Unknown from None
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _put(value: Any, steps: list[str], new: Any) -> None:
    *way, last = steps
    for step in way:
        value = value[int(step)] if isinstance(value, list) else value.setdefault(step, {})
    if isinstance(value, list):
        value[int(last)] = new
    else:
        value[last] = new


dialogue: Callable[[], Dialogue] = HttpDialogue
