"""HTTP requests and responses as rules see them. Everything is parsed when it is first asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from faultbox.model.message import Side, Unknown
from faultbox.model.printed import printed
from faultbox.protocols.http.codings import dechunked, decoded

BODY_COMES_LATER = "its body comes only when the service has asked for it (Expect: 100-continue)"


class Head(NamedTuple):
    """A message's head: its bytes with the empty line, its first line, and what decides on the body.

    `first` and `second` are method and target, or version and status. `length` is -1 without a
    Content-Length.
    """

    raw: bytes
    first: bytes
    second: bytes
    minor: int
    length: int
    chunked: bool
    coded: bool
    upgrade: bool
    expects: bool
    connection: bytes


class HttpMessage:
    """What requests and responses have in common.

    `body` is set once the message has been held whole: as it came, chunks and codings included.
    """

    side: Side

    @property
    def identity(self) -> str:
        raise NotImplementedError

    @property
    def summary(self) -> Mapping[str, str]:
        raise NotImplementedError

    def value(self, key: str) -> str | None:
        raise NotImplementedError

    def __init__(self, head: Head) -> None:
        self.head = head
        self.body: bytes | None = None
        self.lasting = False
        """The same object stands for the same bytes whenever they come."""
        self._headers: dict[str, str] | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """By lower case name; values of one name joined by commas."""
        if self._headers is None:
            self._headers = {}
            for name, value in fields(self.head.raw):
                key = name.lower()
                self._headers[key] = f"{self._headers[key]}, {value}" if key in self._headers else value
        return self._headers

    def content(self) -> bytes:
        """The body, without chunks and compression. Raises Unknown."""
        if self.body is None:
            raise Unknown(BODY_COMES_LATER if self.head.expects else "its body was too large to be held whole")
        data = dechunked(self.body) if self.head.chunked else self.body
        coding = self.headers.get("content-encoding", "identity").strip().lower()
        return decoded(data, coding) if data else b""

    def _own(self, name: str, entry: str) -> str | None:
        """The keys that both sides have."""
        if name == "headers":
            return self.headers.get(entry.lower())
        if name == "body":
            return self.content().decode("utf-8", "surrogateescape")
        if name == "json":
            return _field(self.content(), entry)
        return None


class Request(HttpMessage):
    side: Side = "request"
    _identity = ""

    @property
    def method(self) -> str:
        return self.head.first.decode("latin-1")

    @property
    def target(self) -> str:
        return self.head.second.decode("utf-8", "surrogateescape")

    @property
    def path(self) -> str:
        """As sent, without the query string; of a proxy request (`http://host/path`) the path, of CONNECT the host."""
        path = self.target.partition("?")[0]
        if not path.startswith("/") and "://" in path:
            return "/" + path.partition("://")[2].partition("/")[2]
        return path

    @property
    def identity(self) -> str:
        if not self._identity:
            self._identity = f"http {self.method} {self.path}"
        return self._identity

    @property
    def summary(self) -> Mapping[str, str]:
        return {"method": self.method, "path": self.path}

    def value(self, key: str) -> str | None:
        name, _, entry = key.partition(".")
        if name == "path":
            return self.path
        if name == "method":
            return self.method
        if name == "query":
            return _parameter(self.target, entry) if entry else _query(self.target) or None
        return self._own(name, entry)


class Response(HttpMessage):
    """A response, with the request it answers where that is known."""

    side: Side = "response"

    def __init__(self, head: Head, request: Request | None) -> None:
        super().__init__(head)
        self.request = request

    @property
    def status(self) -> str:
        return self.head.second.decode("latin-1")

    @property
    def identity(self) -> str:
        return f"{self.request.identity if self.request is not None else 'http'} {self.status}"

    @property
    def summary(self) -> Mapping[str, str]:
        return {**(self.request.summary if self.request is not None else {}), "status": self.status}

    def value(self, key: str) -> str | None:
        name, _, entry = key.partition(".")
        if name == "status":
            return self.status
        if name in ("method", "path", "query"):
            return self.request.value(key) if self.request is not None else None
        return self._own(name, entry)


def bodiless(request: Request | None, status: bytes) -> bool:
    """Whether an answer with that status has no body, whatever its head says (RFC 9112, 6.3)."""
    return status in (b"204", b"304") or status[:1] == b"1" or (request is not None and request.head.first == b"HEAD")


def fields(head: bytes) -> list[tuple[str, str]]:
    """The header lines of a head, in order, names as written; folded values joined (RFC 9112, 5.2)."""
    found: list[tuple[str, str]] = []
    for line in head.split(b"\n")[1:]:
        text = line.rstrip(b"\r").decode("utf-8", "surrogateescape")
        if text[:1] in (" ", "\t") and found:
            found[-1] = (found[-1][0], f"{found[-1][1]} {text.strip()}")
        elif ":" in text:
            name, _, value = text.partition(":")
            found.append((name.strip(), value.strip()))
    return found


def at_path(value: Any, path: str) -> Any:
    """What stands at a dotted path (`user.tags.0`). Raises LookupError where nothing does."""
    for step in path.split("."):
        if isinstance(value, list) and step.isdecimal():
            value = value[int(step)]
        elif isinstance(value, dict):
            value = value[step]
        else:
            raise LookupError(path)
    return value


def _field(content: bytes, path: str) -> str | None:
    try:
        value = at_path(json.loads(content), path)
    except (ValueError, LookupError, RecursionError):
        return None
    return value if isinstance(value, str) else printed(value)


def _query(target: str) -> str:
    """What follows the question mark, as sent."""
    return target.partition("?")[2].partition("#")[0]


def _parameter(target: str, name: str) -> str | None:
    """A parameter of the query string, decoded; without a name all of it, as sent."""
    from urllib.parse import parse_qsl

    return next((value for key, value in parse_qsl(_query(target), keep_blank_values=True) if key == name), None)
