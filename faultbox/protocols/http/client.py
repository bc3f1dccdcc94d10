"""http steps: one request on a connection of its own, redirects not followed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from faultbox.model.host import Response, SpecError
from faultbox.protocols.answers import DEFAULT_TIMEOUT_S, octets, structured
from faultbox.protocols.connection import Connection, StepFailed
from faultbox.protocols.http.wire import ProtocolError, ResponseReader, canonical, is_token, request

if TYPE_CHECKING:
    from faultbox.protocols.secure import Securing

_METHODS = frozenset({"get", "post", "put", "delete", "patch", "head", "options"})
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:-]+)", re.IGNORECASE | re.ASCII)


def ready(address: tuple[str, int], timeout_s: float, tls: Securing | None = None) -> str:
    """Whether GET / gets an answer, of whatever status: "" or what was wrong. One attempt."""
    return step(address, "get", {}, timeout_s, tls).error


def step(
    address: tuple[str, int],
    method: str,
    arguments: Mapping[str, Any],
    timeout_s: float = DEFAULT_TIMEOUT_S,
    tls: Securing | None = None,
) -> Response:
    """One request: path=, body=, json=, headers=, query=, timeout_ms=.

    The time limit is for all of it, from connecting to the body's last byte. A response counts only
    when it is whole. Its `body` is text (by the declared charset, else UTF-8; bytes that aren't any
    stay as they are), without white space at its end. Compression is not asked for. A transport error gives status
    0 and `error`: "connection refused", "connection reset", "timeout", "no route to host", "name not
    known", "cancelled", or "protocol error: ...".
    """
    data = _request(address, method, arguments)
    start = time.monotonic()
    deadline = start + arguments.get("timeout_ms", timeout_s * 1000) / 1000
    reader = ResponseReader(method.upper())
    error = ""
    try:
        _exchange(address, data, deadline, reader, tls)
    except StepFailed as failed:
        error = str(failed)
    except ProtocolError as wrong:
        error = f"protocol error: {wrong}"
    duration_ms = (time.monotonic() - start) * 1000
    if error:
        return Response(error=error, duration_ms=duration_ms, protocol="http")
    return _response(reader, duration_ms)


def _exchange(
    address: tuple[str, int], data: bytes, deadline: float, reader: ResponseReader, tls: Securing | None
) -> None:
    with Connection(address, deadline, tls) as connection:
        for received in connection.exchange(data):
            if received:
                reader.feed(received)
            else:
                reader.end()
            if reader.done:
                return


def _response(reader: ResponseReader, duration_ms: float) -> Response:
    kind = reader.headers.get("Content-Type", "")
    body = _text(bytes(reader.body), kind).rstrip()
    data, fields = structured(body, is_json="json" in kind.lower())
    return Response(
        status=reader.status,
        headers=reader.headers,
        body=body,
        data=data,
        fields=fields,
        ok=reader.status < 400,
        duration_ms=duration_ms,
        protocol="http",
    )


def _text(body: bytes, kind: str) -> str:
    named = _CHARSET.search(kind)
    try:
        return body.decode(named[1] if named else "utf-8", "surrogateescape")
    except (LookupError, ValueError):
        return body.decode("utf-8", "surrogateescape")


def _request(address: tuple[str, int], method: str, arguments: Mapping[str, Any]) -> bytes:
    if method not in _METHODS:
        raise ValueError(f"http has no step {method!r}")
    body, kind = _body(arguments)
    headers = {"Host": f"{address[0]}:{address[1]}", "User-Agent": "faultbox", "Accept": "*/*", "Connection": "close"}
    if kind:
        headers["Content-Type"] = kind
    for name, value in arguments.get("headers", {}).items():
        _check_header(name, value, len(body))
        headers[canonical(name)] = value
    if body or method in ("post", "put", "patch"):
        headers["Content-Length"] = str(len(body))
    return request(method.upper(), _target(method, arguments), headers, body)


def _body(arguments: Mapping[str, Any]) -> tuple[bytes, str]:
    """The body's bytes and, where it was made from a value, its content type."""
    body = arguments.get("body", "")
    if "json" in arguments:
        if body not in ("", b"", None):
            raise SpecError("WRONG_VALUE", "body= and json= are both given", accepted="one of them")
        return _json(arguments["json"]), "application/json"
    if body is None:
        return b"", ""
    if isinstance(body, str):
        return octets(body), ""
    if isinstance(body, bytes):
        return body, ""
    if isinstance(body, dict | list):
        return _json(body), "application/json"
    raise SpecError("WRONG_TYPE", f"body= can't be sent: {body!r}", accepted="a string, bytes, a dict, a list")


def _json(value: Any) -> bytes:
    try:
        return json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise SpecError("WRONG_VALUE", f"the body can't be written as JSON: {error}") from None


def _check_header(name: str, value: str, length: int) -> None:
    if not is_token(name):
        raise SpecError("WRONG_VALUE", f"{name!r} can't be the name of a header", accepted="letters, digits and -")
    if any(char in value for char in "\r\n\0"):
        raise SpecError("WRONG_VALUE", f"header {name!r} has a line break or NUL in its value: {value!r}")
    plain = name.lower()
    if plain == "transfer-encoding" or (plain == "content-length" and value.strip() != str(length)):
        raise SpecError("WRONG_VALUE", f"header {name!r} is set by the step itself; leave it out")


def _target(method: str, arguments: Mapping[str, Any]) -> str:
    path: str = arguments.get("path", "/")
    if path == "*" and method == "options":
        return path
    if not path.startswith("/"):
        raise SpecError(
            "WRONG_VALUE",
            f"path {path!r} does not begin with '/'",
            accepted="a path such as '/orders'; the host and port are the interface's",
        )
    for char, instead in ((" ", "%20"), ("#", "%23")):
        if char in path:
            raise SpecError("WRONG_VALUE", f"path {path!r} has {char!r} in it; write {instead}")
    if any(char < " " or char == "\x7f" for char in path):
        raise SpecError("WRONG_VALUE", f"path {path!r} has a control character in it")
    query = "&".join(f"{_escaped(key)}={_escaped(value)}" for key, value in arguments.get("query", {}).items())
    if query:
        path += ("&" if "?" in path else "?") + query
    return "".join(char if char < "\x7f" else _escaped(char) for char in path)


def _escaped(text: str) -> str:
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in octets(text))
