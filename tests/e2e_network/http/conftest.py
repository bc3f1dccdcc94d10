"""A real HTTP server, a proxy before it, and the clients that applications use."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import httpx
import pytest
import requests

from faultbox.model.message import MessageRule
from faultbox.proxy.playbook import a_rule

HERE = Path(__file__).parent


class Outcome(NamedTuple):
    """What one request gave: the answer as the client tells it (None: not at all), the error as it calls it."""

    status: int
    headers: list[list[str]]
    size: int
    digest: str
    error: str
    ms: float

    @property
    def answer(self) -> tuple[Any, ...]:
        return self[:5]


class Ask(NamedTuple):
    method: str
    path: str
    body: str = ""


# -- the server


class Handler(BaseHTTPRequestHandler):
    """/fixed, /chunked, /zipped, /large, /empty, /status/N, /old (HTTP/1.0); POST answers with all that it was sent."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name = self.path.split("?", maxsplit=1)[0].strip("/").partition("/")
        getattr(self, f"_{name[0]}")(*filter(None, name[2:]))

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        mine = ("host", "user-agent")  # who asks and whom differs by design of the test
        heads = [f"{name}: {value}" for name, value in self.headers.items() if name.lower() not in mine]
        self._answer(b"\n".join([self.requestline.encode(), *map(str.encode, heads), b"", body]))

    def _fixed(self) -> None:
        self._answer(b"x" * 1000, ("X-Twice", "1"), ("x-twice", "2"), ("Set-Cookie", "a=b"), ("Set-Cookie", "c=d"))

    def _zipped(self) -> None:
        self._answer(gzip.compress(b"zipped" * 1000, mtime=0), ("Content-Encoding", "gzip"))

    def _large(self) -> None:
        self._answer(bytes(range(256)) * 12_000)

    def _empty(self) -> None:
        self.send_response(204)
        self.end_headers()

    def _status(self, code: str) -> None:
        self._answer(b"as asked", status=int(code))

    def _chunked(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for size in (1, 10, 5_000, 70_000):
            self.wfile.write(b"%x;ext=1\r\n" % size + b"c" * size + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _old(self) -> None:
        """Its end is the connection's."""
        self.wfile.write(b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\n" + b"o" * 1000)
        self.close_connection = True

    def _answer(self, body: bytes, *headers: tuple[str, str], status: int = 200) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return "Sat, 01 Jan 2000 00:00:00 GMT"

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that has gone is what these tests are about."""


@pytest.fixture(scope="session")
def server() -> Iterator[int]:
    """Its port."""
    made = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made.server_port
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture(scope="session")
def _door(door_to: Callable[[str, int], Any], server: int) -> Any:
    return door_to("http", server)


@pytest.fixture
def door(_door: Any) -> Iterator[Any]:
    """The proxy, without rules."""
    yield _door
    _door.clear()


@pytest.fixture
def rule() -> Callable[..., MessageRule]:
    """`rule(action, path, method=, side=, **arguments)`."""

    def make(action: str, path: str = "", *, method: str = "", **rest: Any) -> MessageRule:
        match = {name: glob for name, glob in (("path", path), ("method", method)) if glob}
        return a_rule(action, match=match, protocol="http", **rest)

    return make


# -- clients


class Client:
    """Asks one after the other, on one connection where the client keeps it. `dropped`, `cut`: its names of errors."""

    dropped: frozenset[str]
    cut: frozenset[str]
    unavailable: str

    def ask(self, port: int, *asks: tuple[str, ...]) -> list[Outcome]:
        """Each ask: method, path and, where there is one, body."""
        return self._ask(port, [Ask(*each) for each in asks])

    def get(self, port: int, path: str) -> Outcome:
        return self.ask(port, ("GET", path))[0]

    def _ask(self, port: int, asks: Sequence[Ask]) -> list[Outcome]:
        raise NotImplementedError


def outcome(start: float, status: int, headers: Any, body: bytes, error: str = "") -> Outcome:
    pairs = [[name.lower(), value] for name, value in headers]
    ms = (time.monotonic() - start) * 1000
    return Outcome(status, pairs, len(body), hashlib.sha256(body).hexdigest(), error, ms)


def failed(start: float, error: Exception) -> Outcome:
    return outcome(start, 0, (), b"", type(error).__name__)


class Requests(Client):
    dropped = frozenset({"ConnectionError"})
    cut = frozenset({"ChunkedEncodingError"})
    unavailable = "HTTPError"

    def _ask(self, port: int, asks: Sequence[Ask]) -> list[Outcome]:
        with requests.Session() as session:
            session.trust_env = False
            return [self._one(session, f"http://127.0.0.1:{port}{each.path}", each) for each in asks]

    def _one(self, session: requests.Session, url: str, ask: Ask) -> Outcome:
        start = time.monotonic()
        try:
            got = session.request(ask.method, url, data=ask.body.encode() or None, timeout=20)
        except requests.RequestException as error:
            return failed(start, error)
        try:
            got.raise_for_status()
        except requests.HTTPError as error:
            return outcome(start, got.status_code, got.raw.headers.items(), got.content, type(error).__name__)
        return outcome(start, got.status_code, got.raw.headers.items(), got.content)


class Httpx(Client):
    dropped = frozenset({"RemoteProtocolError"})
    cut = frozenset({"RemoteProtocolError"})
    unavailable = "HTTPStatusError"

    def _ask(self, port: int, asks: Sequence[Ask]) -> list[Outcome]:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20) as client:
            return [self._one(client, each) for each in asks]

    def _one(self, client: httpx.Client, ask: Ask) -> Outcome:
        start = time.monotonic()
        try:
            got = client.request(ask.method, ask.path, content=ask.body.encode() or None)
        except httpx.HTTPError as error:
            return failed(start, error)
        try:
            if got.is_error:
                got.raise_for_status()
        except httpx.HTTPStatusError as error:
            return outcome(start, got.status_code, got.headers.multi_items(), got.content, type(error).__name__)
        return outcome(start, got.status_code, got.headers.multi_items(), got.content)


class Aiohttp(Client):
    dropped = frozenset({"ServerDisconnectedError"})
    cut = frozenset({"ClientPayloadError"})
    unavailable = "ClientResponseError"

    def _ask(self, port: int, asks: Sequence[Ask]) -> list[Outcome]:
        return asyncio.run(self._all(f"http://127.0.0.1:{port}", asks))

    async def _all(self, base: str, asks: Sequence[Ask]) -> list[Outcome]:
        async with aiohttp.ClientSession(base, timeout=aiohttp.ClientTimeout(20)) as session:
            return [await self._one(session, each) for each in asks]

    async def _one(self, session: aiohttp.ClientSession, ask: Ask) -> Outcome:
        start = time.monotonic()
        try:
            async with session.request(ask.method, ask.path, data=ask.body.encode() or None) as got:
                body = await got.read()
        except aiohttp.ClientError as error:
            return failed(start, error)
        try:
            got.raise_for_status()
        except aiohttp.ClientResponseError as error:
            return outcome(start, got.status, got.headers.items(), body, type(error).__name__)
        return outcome(start, got.status, got.headers.items(), body)


@dataclass(frozen=True)
class Curl(Client):
    """curl(1): one process a request; its errors are its exit codes."""

    place: Path
    dropped = frozenset({"52"})  # nothing was returned from the server
    cut = frozenset({"18"})  # only a part of the file was transferred
    unavailable = "22"

    def _ask(self, port: int, asks: Sequence[Ask]) -> list[Outcome]:
        return [self._one(f"http://127.0.0.1:{port}{each.path}", each) for each in asks]

    def _one(self, url: str, ask: Ask) -> Outcome:
        heads, body = self.place / "heads", self.place / "body"
        body.write_bytes(b"")
        how = ["--head", "-o", "/dev/null"] if ask.method == "HEAD" else ["-X", ask.method, "-o", body]
        sent = ["-d", ask.body] if ask.body else []
        command = ["curl", "-q", "-sS", "--noproxy", "*", "--fail-with-body", "-m", "20", *how, *sent, "-D", heads, url]
        start = time.monotonic()
        done = subprocess.run(command, capture_output=True, check=False)
        error = str(done.returncode) if done.returncode else ""
        first, *lines = heads.read_bytes().decode().split("\r\n\r\n")[0].split("\r\n")
        if error and error != self.unavailable:
            return outcome(start, 0, (), b"", error)
        pairs = (line.split(": ", 1) for line in lines)
        return outcome(start, int(first.split()[1]), pairs, body.read_bytes(), error)


@dataclass(frozen=True)
class Program(Client):
    """A program of ours in another language: asks as JSON in its argument, outcomes as JSON on stdout."""

    command: tuple[str | Path, ...]
    dropped: frozenset[str]
    cut: frozenset[str]
    unavailable: str = ""

    def _ask(self, port: int, asks: Sequence[Ask]) -> list[Outcome]:
        done = subprocess.run([*self.command, str(port), json.dumps(asks)], capture_output=True, timeout=60, check=True)
        return [Outcome(**each) for each in json.loads(done.stdout)]


@pytest.fixture(scope="session")
def gohttp(go_build: Callable[[Path], Path]) -> Path:
    """The Go program, built."""
    return go_build(HERE / "gohttp")


def _need(name: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"needs {name}: one of the clients")


@pytest.fixture(params=["requests", "httpx", "aiohttp", "curl", "node-fetch", "go-net-http"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Client:
    name = request.param
    if name == "go-net-http":
        return Program((request.getfixturevalue("gohttp"),), frozenset({"EOF"}), frozenset({"unexpected EOF"}))
    if name == "node-fetch":
        _need("node")
        return Program(
            ("node", HERE / "nodefetch" / "fetch.mjs"), frozenset({"other side closed"}), frozenset({"terminated"})
        )
    if name == "curl":
        _need("curl")
        return Curl(tmp_path)
    made: Client = {"requests": Requests, "httpx": Httpx, "aiohttp": Aiohttp}[name]()
    return made
