from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from faultbox import protocols
from faultbox.model.host import SpecError

HTTP = protocols.get("http")


class Mirror(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        told = {
            "method": self.command,
            "path": self.path,
            "headers": dict(self.headers.items()),
            "body": body.decode("utf-8", "replace"),
        }
        data = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


for _method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"):
    setattr(Mirror, f"do_{_method}", Mirror.answer)


@pytest.fixture
def mirror() -> Iterator[tuple[str, int]]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield ("localhost", server.server_address[1])
        server.shutdown()
        thread.join()


@pytest.fixture
def answering(serve: Any) -> Any:
    def start(*pieces: bytes) -> Any:
        """A server that reads a request's head, sends the pieces and closes."""

        def handle(connection: socket.socket) -> None:
            read_head(connection)
            for piece in pieces:
                connection.sendall(piece)

        return serve(handle)

    return start


def read_head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(65536)
    return head


def ok(body: bytes, kind: str = "text/plain") -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class TestRequests:
    @pytest.mark.parametrize("method", ["get", "post", "put", "delete", "patch", "options"])
    def test_methods(self, mirror: Any, method: str) -> None:
        response = HTTP.step(mirror, method, {"path": "/things"})
        assert (response.status, response.ok, response.error) == (200, True, "")
        assert (response.data["method"], response.data["path"]) == (method.upper(), "/things")
        length = response.data["headers"].get("Content-Length")
        assert length == ("0" if method in ("post", "put", "patch") else None)

    def test_head_has_headers_and_no_body(self, mirror: Any) -> None:
        response = HTTP.step(mirror, "head", {})
        assert (response.status, response.body) == (200, "")
        assert int(response.headers["Content-Length"]) > 0

    def test_what_is_sent_by_itself(self, mirror: Any) -> None:
        headers = HTTP.step(mirror, "get", {}).data["headers"]
        assert headers == {
            "Host": f"localhost:{mirror[1]}",
            "User-Agent": "faultbox",
            "Accept": "*/*",
            "Connection": "close",
        }

    def test_headers_replace_those_whatever_their_case(self, mirror: Any) -> None:
        headers = {"user-agent": "me", "HOST": "example.com", "x-trace": "caf\u00e9"}
        told = HTTP.step(mirror, "get", {"headers": headers}).data["headers"]
        assert (told["User-Agent"], told["Host"]) == ("me", "example.com")
        assert told["X-Trace"].encode("latin-1").decode() == "caf\u00e9"

    @pytest.mark.parametrize(
        ("arguments", "body", "kind"),
        [
            ({"body": '{"a": 1}'}, '{"a": 1}', None),
            ({"body": b"raw"}, "raw", None),
            ({"body": "caf\u00e9"}, "caf\u00e9", None),
            ({"body": {"a": [1, None, True]}}, '{"a": [1, null, true]}', "application/json"),
            ({"body": [1]}, "[1]", "application/json"),
            ({"json": "text"}, '"text"', "application/json"),
            ({"json": {"a": 1}, "headers": {"content-type": "application/x"}}, '{"a": 1}', "application/x"),
            ({"body": ""}, "", None),
        ],
    )
    def test_bodies(self, mirror: Any, arguments: dict[str, Any], body: str, kind: str | None) -> None:
        told = HTTP.step(mirror, "post", arguments).data
        assert (told["body"], told["headers"].get("Content-Type")) == (body, kind)

    @pytest.mark.parametrize(
        ("arguments", "path"),
        [
            ({}, "/"),
            ({"path": "/a?x=1"}, "/a?x=1"),
            ({"path": "/a", "query": {"q": "a b&c=d/\u00e9", "n": "1"}}, "/a?q=a%20b%26c%3Dd%2F%C3%A9&n=1"),
            ({"path": "/a?x=1", "query": {"y": "2"}}, "/a?x=1&y=2"),
            ({"path": "/caf\u00e9/%20"}, "/caf%C3%A9/%20"),
        ],
    )
    def test_paths(self, mirror: Any, arguments: dict[str, Any], path: str) -> None:
        assert HTTP.step(mirror, "get", arguments).data["path"] == path

    def test_options_of_the_server(self, mirror: Any) -> None:
        assert HTTP.step(mirror, "options", {"path": "*"}).data["path"] == "*"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"path": "orders"}, "path 'orders' does not begin with '/' (accepted: a path such as '/orders'; the host"),
            ({"path": "http://x/"}, "does not begin with '/'"),
            ({"path": "/a b"}, "path '/a b' has ' ' in it; write %20"),
            ({"path": "/a#b"}, "has '#' in it; write %23"),
            ({"path": "/a\r\nHost: x"}, "has ' ' in it"),
            ({"path": "/a\nb"}, "has a control character in it"),
            ({"headers": {"X\n": "1"}}, "'X\\n' can't be the name of a header"),
            ({"headers": {"X": "1\r\nY: 2"}}, "header 'X' has a line break or NUL in its value"),
            ({"headers": {"Transfer-Encoding": "chunked"}}, "header 'Transfer-Encoding' is set by the step itself"),
            ({"headers": {"content-length": "7"}}, "header 'content-length' is set by the step itself"),
            ({"body": 5}, "body= can't be sent: 5 (accepted: a string, bytes, a dict, a list)"),
            ({"body": {"n": float("nan")}}, "the body can't be written as JSON"),
            ({"body": "x", "json": {}}, "body= and json= are both given"),
            ({"body": "\ud800"}, "has no form as UTF-8"),
        ],
    )
    def test_what_can_not_be_sent(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(SpecError) as raised:
            HTTP.step(("127.0.0.1", 1), "get", arguments)
        assert message in str(raised.value)


class TestResponses:
    @pytest.mark.parametrize(("status", "good"), [(200, True), (302, True), (399, True), (400, False), (503, False)])
    def test_ok_is_below_400_and_redirects_are_not_followed(self, answering: Any, status: int, good: bool) -> None:
        raw = f"HTTP/1.1 {status} X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n".encode()
        response = HTTP.step(answering(raw), "get", {})
        assert (response.status, response.ok, response.error) == (status, good, "")

    @pytest.mark.parametrize(
        ("body", "kind", "text", "data"),
        [
            (b"hello \r\n\n", "text/plain", "hello", "hello"),
            (b"  indented", "text/plain", "  indented", "  indented"),
            (b'{"n": 1.0}\n', "text/plain", '{"n": 1.0}', {"n": 1.0}),
            (b"[1]", "application/octet-stream", "[1]", [1]),
            (b"3", "application/json", "3", 3),
            (b"3", "text/plain", "3", "3"),
            (b"null", "application/problem+JSON; x=1", "null", None),
            (b"{broken", "application/json", "{broken", "{broken"),
            (b'{"n": NaN}', "application/json", '{"n": NaN}', '{"n": NaN}'),
            (b"caf\xe9", "text/plain; charset=ISO-8859-1", "caf\u00e9", "caf\u00e9"),
            (b"caf\xc3\xa9", "text/plain; charset=nonsense", "caf\u00e9", "caf\u00e9"),
            (b"x", "text/plain; charset=hex", "x", "x"),
            (b"\xff", "application/octet-stream", "\udcff", "\udcff"),
            (b"", "text/plain", "", ""),
        ],
    )
    def test_bodies(self, answering: Any, body: bytes, kind: str, text: str, data: Any) -> None:
        response = HTTP.step(answering(ok(body, kind)), "get", {})
        assert (response.body, response.data) == (text, data)

    def test_fields_are_the_top_level_as_strings(self, answering: Any) -> None:
        response = HTTP.step(answering(ok(b'{"s": "x", "n": 1, "b": true, "deep": {"k": 1}}')), "get", {})
        assert response.fields == {"s": "x", "n": "1", "b": "True", "deep": '{"k": 1}'}

    def test_a_large_body(self, answering: Any) -> None:
        response = HTTP.step(answering(ok(b"x" * (5 << 20))), "get", {})
        assert len(response.body) == 5 << 20

    def test_a_body_without_bounds(self, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("faultbox.protocols.http.wire.BODY_LIMIT", 1 << 20)

        def flood(connection: socket.socket) -> None:
            read_head(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                connection.sendall(b"x" * 65536)

        assert HTTP.step(serve(flood), "get", {}).error == "protocol error: a body of more than 1 MiB"


class TestFailures:
    def failed(self, response: Any, error: str) -> None:
        assert (response.status, response.ok, response.error) == (0, False, error)
        assert (response.body, response.data) == ("", None)
        assert response.duration_ms > 0

    def test_refused(self, free_port: int) -> None:
        self.failed(HTTP.step(("localhost", free_port), "get", {}), "connection refused")

    def test_half_a_response(self, answering: Any) -> None:
        half = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi"
        error = "protocol error: the connection was closed in the middle of the body: 2 of 10 bytes came"
        self.failed(HTTP.step(answering(half), "get", {}), error)

    def test_no_response(self, answering: Any) -> None:
        self.failed(HTTP.step(answering(), "get", {}), "protocol error: the connection was closed without an answer")

    def test_a_reset_in_the_middle(self, serve: Any, reset: Any) -> None:
        def half_then_reset(connection: socket.socket) -> None:
            read_head(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi")
            reset(connection)

        self.failed(HTTP.step(serve(half_then_reset), "get", {}), "connection reset")

    def test_silence(self, serve: Any) -> None:
        address = serve(lambda connection: read_head(connection) and connection.recv(1))
        self.failed(HTTP.step(address, "get", {"timeout_ms": 50.0}), "timeout")

    @pytest.mark.parametrize(
        "start", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n"]
    )
    def test_the_limit_is_for_all_of_it(self, serve: Any, start: bytes) -> None:
        enough = threading.Event()

        def drip(connection: socket.socket) -> None:
            read_head(connection)
            connection.sendall(start)
            while not enough.wait(0.005):
                connection.sendall(b"x" if start else b"")

        response = HTTP.step(serve(drip), "get", {"timeout_ms": 100.0})
        enough.set()
        self.failed(response, "timeout")
        assert 100 <= response.duration_ms < 5000

    def test_the_other_limit_is_the_caller_s(self, serve: Any) -> None:
        address = serve(lambda connection: read_head(connection) and connection.recv(1))
        self.failed(HTTP.step(address, "get", {}, 0.05), "timeout")

    def test_endless_headers(self, serve: Any) -> None:
        def endless(connection: socket.socket) -> None:
            read_head(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while True:
                connection.sendall(b"X: y\r\n" * 1000)

        self.failed(HTTP.step(serve(endless), "get", {}), "protocol error: a head of more than 256 KiB")

    def test_an_early_answer_to_a_large_body(self, serve: Any) -> None:
        def refuses(connection: socket.socket) -> None:
            read_head(connection)
            connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
            while connection.recv(65536):
                pass

        response = HTTP.step(serve(refuses), "post", {"body": "x" * (8 << 20)})
        assert (response.status, response.body) == (413, "big")


class TestReady:
    def test_any_answer_is_ready(self, answering: Any) -> None:
        assert HTTP.ready(answering(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), 5) == ""

    def test_what_was_wrong(self, free_port: int, answering: Any) -> None:
        assert HTTP.ready(("127.0.0.1", free_port), 5) == "connection refused"
        assert "not an HTTP/1 response" in HTTP.ready(answering(b"-ERR unknown command\r\n"), 5)


def test_importing_the_clients_does_not_import_the_heavy_parts_of_the_library() -> None:
    program = (
        "import sys, faultbox.protocols.http.client, faultbox.protocols.tcp.client;"
        "print(*[name for name in ('ssl', 'email', 'asyncio', 'http.client', 'urllib.request') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
