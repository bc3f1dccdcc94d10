"""Redis over TLS: a real server, and clients that verify."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from faultbox.model.topology import Tls
from faultbox.protocols.redis import client
from faultbox.protocols.secure import Securing, client_context
from faultbox.proxy.playbook import a_rule


@pytest.fixture(scope="module")
def server(files: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a Redis that speaks nothing but TLS."""
    assert shutil.which("redis-server") is not None, "redis-server is not installed"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    how = {"port": 0, "tls-port": port, "save": "", "tls-auth-clients": "no", "dir": tmp_path_factory.mktemp("redis")}
    how |= {"tls-cert-file": files.certificate, "tls-key-file": files.key, "tls-ca-cert-file": files.home}
    words = [str(word) for name, value in how.items() for word in (f"--{name}", value)]
    with subprocess.Popen(["redis-server", *words], stdout=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 20
            while (wrong := client.ready(("127.0.0.1", port), 1, securing(files.home))) and time.monotonic() < deadline:
                assert process.poll() is None
            assert wrong == ""
            yield port
        finally:
            process.terminate()


def securing(trusted: Path) -> Securing:
    return Securing(client_context(Tls(ca=trusted.read_text())), "localhost")


@pytest.fixture(scope="module")
def _door(secured: Callable[..., Any], server: int) -> Any:
    return secured("redis", server)


@pytest.fixture
def door(_door: Any) -> Any:
    _door.clear()
    return _door


def by_redis_py(port: int, trusted: Path, *words: str) -> str:
    with redis.Redis(host="localhost", port=port, ssl=True, ssl_ca_certs=str(trusted), socket_timeout=20) as cache:
        try:
            return str(cache.execute_command(*words))
        except redis.RedisError as error:
            return f"{type(error).__name__}: {error}"


def by_redis_cli(port: int, trusted: Path, *words: str) -> str:
    how = ["redis-cli", "-h", "localhost", "-p", str(port), "--tls", "--cacert", str(trusted), "--sni", "localhost"]
    done = subprocess.run([*how, *words], capture_output=True, text=True, timeout=20, check=False)
    return (done.stdout + done.stderr).strip()


def by_step(port: int, trusted: Path, *words: str) -> str:
    command, *rest = words
    got = client.step(("localhost", port), "command", {"cmd": command, "args": rest}, tls=securing(trusted))
    return got.error or got.body


@pytest.mark.parametrize("ask", [by_redis_py, by_redis_cli, by_step])
class TestClients:
    def test_rules_see_into_it(self, ask: Callable[..., str], door: Any, files: Any) -> None:
        assert ask(door.port, files.both, "ECHO", "hello").strip("b'") == "hello"
        door.rules(a_rule("error", match={"command": "GET"}, message="READONLY no", protocol="redis"))
        assert "readonly" in ask(door.port, files.both, "GET", "a").lower()
        assert ask(door.port, files.both, "ECHO", "hello").strip("b'") == "hello"
        assert door.counts().fired == 1

    def test_a_certificate_that_has_expired(self, ask: Callable[..., str], door: Any, files: Any) -> None:
        door.rules(a_rule("error", tls="expired", protocol="redis"))
        assert "certificate" in ask(door.port, files.both, "PING").lower()
        assert door.counts().fired >= 1


def test_a_step_says_what_went_wrong(door: Any, files: Any, server: int) -> None:
    door.rules(a_rule("error", tls="expired", protocol="redis"))
    assert by_step(door.port, files.both, "PING") == "TLS: certificate verify failed: certificate has expired"
    door.rules(a_rule("error", tls="close", protocol="redis"))
    assert by_step(door.port, files.both, "PING") == "TLS: the connection was closed in the handshake"
    assert by_step(server, files.run, "PING").startswith("TLS: certificate verify failed: ")
