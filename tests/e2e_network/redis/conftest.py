"""A real Redis, a proxy before it, and the drivers that applications use."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self

import pytest
import redis
import redis.asyncio

from faultbox.model.message import MessageRule
from faultbox.protocols.redis.client import ready
from faultbox.proxy.playbook import a_rule

HERE = Path(__file__).parent
_LARGE = "x" * 3_000_000


class Outcome(NamedTuple):
    """What one operation gave: its value, or the error as the language tells it apart and its words."""

    value: Any
    error: str
    text: str
    ms: float


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a redis-server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    options = {"port": port, "bind": "127.0.0.1 ::1", "save": "", "appendonly": "no", "enable-debug-command": "yes"}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    with subprocess.Popen(
        ["redis-server", *words, "--dir", str(tmp_path_factory.mktemp("redis"))], stdout=subprocess.DEVNULL
    ) as process:
        try:
            deadline = time.monotonic() + 10
            while (wrong := ready(("127.0.0.1", port), 1)) and time.monotonic() < deadline:
                assert process.poll() is None
            assert wrong == ""
            yield port
        finally:
            process.kill()


@pytest.fixture(scope="session")
def _door(door_to: Callable[[str, int], Any], server: int) -> Any:
    return door_to("redis", server)


@pytest.fixture
def door(_door: Any, server: int) -> Iterator[Any]:
    """The proxy, without rules, before an empty database."""
    with redis.Redis(port=server) as client:
        client.flushall()
    yield _door
    _door.clear()


@pytest.fixture
def rule() -> Callable[..., MessageRule]:
    """`rule(action, command, key, status=, value=, side=, slot=, **arguments)`; `put` is the argument value=."""

    def make(
        action: str, command: str = "", key: str = "", *, status: str = "", value: str = "", **rest: Any
    ) -> MessageRule:
        if "put" in rest:
            rest["value"] = rest.pop("put")
        keys = {"command": command, "key": key, "status": status, "value": value}
        match = {name: glob for name, glob in keys.items() if glob}
        return a_rule(action, match=match, protocol="redis", **rest)

    return make


# -- drivers


def measured(do: Callable[[], Any], errors: type[Exception]) -> Outcome:
    start = time.monotonic()
    value, error, text = None, "", ""
    try:
        value = do()
    except errors as raised:
        error, text = type(raised).__name__, str(raised)
    return Outcome(value, error, text, (time.monotonic() - start) * 1000)


@dataclass(frozen=True)
class RedisPy:
    """redis-py, in RESP `protocol`."""

    protocol: int = 2
    dropped = frozenset({"ConnectionError"})

    def _client(self, port: int) -> Any:
        return redis.Redis(port=port, protocol=self.protocol, decode_responses=True, retry=None)

    def get(self, port: int, key: str) -> Outcome:
        with self._client(port) as client:
            return measured(lambda: client.get(key), redis.RedisError)

    def set(self, port: int, key: str, value: str) -> Outcome:
        with self._client(port) as client:
            return measured(lambda: client.set(key, value), redis.RedisError)

    def tour(self, port: int) -> list[Any]:
        with self._client(port) as client:
            return [_said(partial(do, client)) for do in OPERATIONS]


class RedisPyAsync(RedisPy):
    """The same in asyncio."""

    def _client(self, port: int) -> Any:
        return _Awaited(redis.asyncio.Redis(port=port, protocol=self.protocol, decode_responses=True, retry=None))


class _Awaited:
    """An asyncio client, driven call by call."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run_until_complete(self._client.aclose())
        self._loop.close()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            made = getattr(self._client, name)(*args, **named)
            return self._loop.run_until_complete(made) if asyncio.iscoroutine(made) else made

        return call

    def batch(self, *, transaction: bool) -> list[Any]:
        async def run() -> list[Any]:
            pipe = self._client.pipeline(transaction=transaction)
            for _ in range(100):
                pipe.incr("counter")
            return list(await pipe.execute())

        return self._loop.run_until_complete(run())


def _batch(client: Any, *, transaction: bool) -> Any:
    if isinstance(client, _Awaited):
        return client.batch(transaction=transaction)
    pipe = client.pipeline(transaction=transaction)
    for _ in range(100):
        pipe.incr("counter")
    return pipe.execute()


def _said(do: Callable[[], Any]) -> Any:
    try:
        return do()
    except redis.RedisError as error:
        return f"{type(error).__name__}: {error}"


OPERATIONS: tuple[Callable[[Any], Any], ...] = (
    lambda client: client.flushdb(),
    lambda client: client.set("text", "caf\u00e9\r\n"),
    lambda client: client.get("text"),
    lambda client: client.get("nothing"),
    lambda client: client.incr("number"),
    lambda client: client.rpush("list", "a", "b", "c"),
    lambda client: client.lrange("list", 0, -1),
    lambda client: client.hset("hash", mapping={"f": "1", "g": ""}),
    lambda client: client.hgetall("hash"),
    lambda client: client.zadd("sorted", {"a": 1.5, "b": 2}),
    lambda client: client.zrange("sorted", 0, -1, withscores=True),
    lambda client: client.incr("list"),
    lambda client: client.mget("text", "nothing", "number"),
    lambda client: client.eval("return {KEYS[1], ARGV[1], 7}", 1, "k", "v"),
    lambda client: client.set("large", _LARGE),
    lambda client: client.get("large") == _LARGE,
    lambda client: _batch(client, transaction=False)[-1],
    lambda client: _batch(client, transaction=True)[-1],
    lambda client: client.xadd("stream", {"f": "v"}, id="1-1"),
    lambda client: client.xrange("stream"),
    lambda client: client.config_get("maxmemory"),
    lambda client: client.execute_command("NO.SUCH"),
)


class RedisCli:
    """redis-cli, the C client."""

    dropped = frozenset({"Error: Server closed the connection"})

    def _run(self, port: int, *words: str, stdin: str | None = None) -> str:
        done = subprocess.run(
            ["redis-cli", "--no-raw", "-p", str(port), *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return (done.stdout + done.stderr).strip()

    def _outcome(self, port: int, *words: str) -> Outcome:
        start = time.monotonic()
        text = self._run(port, *words)
        ms = (time.monotonic() - start) * 1000
        if text.startswith("(error) "):
            message = text.removeprefix("(error) ")
            return Outcome(None, message.split()[0], message, ms)
        return Outcome(None, text, text, ms) if text.startswith("Error:") else Outcome(text.strip('"'), "", "", ms)

    def get(self, port: int, key: str) -> Outcome:
        return self._outcome(port, "GET", key)

    def set(self, port: int, key: str, value: str) -> Outcome:
        return self._outcome(port, "SET", key, value)

    def tour(self, port: int) -> list[Any]:
        lines = (
            "FLUSHDB\nSET text caf\u00e9\nGET text\nGET nothing\nINCR number\nRPUSH list a b c\nLRANGE list 0 -1\n"
            "HSET hash f 1\nHGETALL hash\nINCR list\nMULTI\nINCR number\nGET text\nEXEC\nHELLO 3\nHGETALL hash\n"
            "ZADD sorted 1.5 a\nZRANGE sorted 0 -1 WITHSCORES\nDEBUG PROTOCOL ATTRIB\nDEBUG PROTOCOL VERBATIM\n"
            "DEBUG PROTOCOL BIGNUM\nDEBUG PROTOCOL TRUE\nDEBUG PROTOCOL SET\nNO.SUCH\n"
        )
        said = self._run(port, stdin=lines).splitlines()
        return [line for line in said if '"id"' not in line]  # of the connection: HELLO tells it


class GoRedis:
    """go-redis, as a program of ours uses it."""

    dropped = frozenset({"EOF"})

    def __init__(self, *program: str | Path) -> None:
        self._program = program

    def _run(self, port: int, *words: str) -> Any:
        done = subprocess.run([*self._program, str(port), *words], capture_output=True, timeout=60, check=True)
        return json.loads(done.stdout)

    def get(self, port: int, key: str) -> Outcome:
        return Outcome(**self._run(port, "get", key))

    def set(self, port: int, key: str, value: str) -> Outcome:
        return Outcome(**self._run(port, "set", key, value))

    def tour(self, port: int) -> Any:
        return self._run(port, "tour")


class Ioredis(GoRedis):
    """ioredis, as a program of ours in Node uses it."""

    dropped = frozenset({"Connection is closed."})


@pytest.fixture(scope="session")
def ioredis(node_install: Callable[[Path], tuple[str, Path]]) -> tuple[str, Path]:
    """The command that runs the program."""
    return node_install(HERE / "ioredis")


@pytest.fixture(scope="session")
def goredis(go_build: Callable[[Path], Path]) -> Path:
    """The program, built."""
    return go_build(HERE / "goredis")


@pytest.fixture(params=["redis-py", "redis-py-resp3", "redis-py-async", "redis-cli", "go-redis", "ioredis"])
def driver(request: pytest.FixtureRequest) -> Any:
    makers: dict[str, Callable[[], Any]] = {
        "redis-py": RedisPy,
        "redis-py-resp3": lambda: RedisPy(3),
        "redis-py-async": lambda: RedisPyAsync(3),
        "redis-cli": RedisCli,
        "go-redis": lambda: GoRedis(request.getfixturevalue("goredis")),
        "ioredis": lambda: Ioredis(*request.getfixturevalue("ioredis")),
    }
    return makers[request.param]()
