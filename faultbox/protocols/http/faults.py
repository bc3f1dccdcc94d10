"""HTTP/1 between a caller and a service: following it, answering it, rewriting it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from faultbox.model.message import Message, MessageAction, MessageFault, Side
from faultbox.protocols.contract import WHOLE, Dialogue, Part, Reply
from faultbox.protocols.http.framing import EMPTY, Begun, Body, Chunked, Endless, Lost, Sized, read_head, whole_chunks
from faultbox.protocols.http.messages import BODY_COMES_LATER, Head, HttpMessage, Request, Response, bodiless
from faultbox.protocols.http.reader import Reader
from faultbox.protocols.http.writing import ends_connection, made_up, rewritten, said_last

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
        reader = self._readers[side]
        if side == "request" and self._upgrading is not None and not reader.within:
            self._unread = True
            return [Part(data)]
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
        if head.second[:1] == b"1":
            return 0
        request = self.waiting[0]
        assert isinstance(request, Request)
        empty = bodiless(request, head.second)
        if head.coded:
            return int(head.chunked and not empty and whole_chunks(data, end))
        length = 0 if empty else head.length
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
        if head.second[:1] == b"1" and head.second != b"101":
            return Begun(None, EMPTY)
        request = self.waiting[0] if self.waiting else None
        assert request is None or isinstance(request, Request)
        response = Response(head, request)
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
        if self.opaque or bodiless(request, head.second):
            return EMPTY
        if head.coded:
            return Chunked() if head.chunked else Endless()
        return Endless() if head.length < 0 else Sized(head.length)

    def _holds(self, side: Side) -> bool:
        interest = self.interest
        changed = any(each.side == side and self.needs_whole(each) for each in interest.changes)
        return changed or interest.wants(side, *_BODY_KEYS)

    # -- answers

    def needs_whole(self, fault: MessageFault) -> bool:
        """Not where only a head is rewritten: what streams goes on streaming."""
        arguments = fault.arguments
        if fault.action is MessageAction.REWRITE and arguments.keys() <= {"status", "headers"}:
            return "status" in arguments and bodiless(None, str(arguments["status"]).encode("ascii"))
        return fault.action in WHOLE

    def refuses(self, fault: MessageFault, message: Message) -> str:
        """A head is spared: what has no body (answers to HEAD, 204, 304, most requests) can't be corrupted."""
        action = fault.action
        if action is MessageAction.CORRUPT and isinstance(message, HttpMessage) and message.body == b"":
            return "it has no body to corrupt"
        if self.needs_whole(fault) and isinstance(message, Request) and message.head.expects:
            return BODY_COMES_LATER
        if action is MessageAction.DUPLICATE and self._upgrading is not None:
            return "it asks for another protocol, in which a second one would be something else"
        return ""

    def reply(self, fault: MessageFault, message: Message) -> Reply:
        request = message.request if isinstance(message, Response) else message
        if request is self._upgrading:
            self._upgrading = None
        assert request is None or isinstance(request, Request)
        granted = isinstance(message, Response) and message.head.second == b"101"
        return made_up(fault, request, close=granted)

    def again(self, message: Message, raw: bytes) -> bytes:
        """Not on the same connection: many a service ends that after one answer, and a caller may ask it to."""
        assert isinstance(message, Request)
        return said_last(message, raw)

    def ends(self, answer: Message) -> bool:
        assert isinstance(answer, Response)
        return ends_connection(answer.head)

    def rewrite(self, fault: MessageFault, message: Message, raw: bytes) -> bytes:
        assert isinstance(message, HttpMessage)
        return rewritten(fault, message, raw)


dialogue: Callable[[], Dialogue] = HttpDialogue
