"""What applications' HTTPS clients make of a proxy that stands in for a real server, and of faults in TLS."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import httpx
import pytest
import requests

from faultbox.proxy.playbook import a_rule

HERE = Path(__file__).parent


class Got(NamedTuple):
    status: int
    size: int
    error: str = ""


def by_requests(url: str, trusted: Path) -> Got:
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.get(url, verify=str(trusted), timeout=20)
        except requests.RequestException as error:
            return Got(0, 0, str(error))
        return Got(answer.status_code, len(answer.content))


def by_httpx(url: str, trusted: Path) -> Got:
    context = ssl.create_default_context(cafile=str(trusted))
    with httpx.Client(verify=context, trust_env=False, timeout=20) as client:
        try:
            answer = client.get(url)
        except httpx.HTTPError as error:
            return Got(0, 0, str(error))
        return Got(answer.status_code, len(answer.content))


def by_aiohttp(url: str, trusted: Path) -> Got:
    async def get() -> Got:
        context = ssl.create_default_context(cafile=str(trusted))
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(20)) as session:
            try:
                async with session.get(url) as answer:
                    return Got(answer.status, len(await answer.read()))
            except aiohttp.ClientError as error:
                return Got(0, 0, str(error))

    return asyncio.run(get())


def by_curl(url: str, trusted: Path) -> Got:
    words = [
        "curl",
        "-q",
        "-sS",
        "--noproxy",
        "*",
        "-m",
        "20",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code} %{size_download}",
    ]
    done = subprocess.run([*words, "--cacert", trusted, url], capture_output=True, text=True, check=False)
    if done.returncode:
        return Got(0, 0, done.stderr.strip())
    status, size = done.stdout.split()
    return Got(int(status), int(size))


def by_node(url: str, trusted: Path) -> Got:
    if shutil.which("node") is None:
        pytest.skip("needs node: one of the clients")
    return _of_program(["node", HERE / "fetch.mjs", url], {"NODE_EXTRA_CA_CERTS": str(trusted)})


def _of_program(command: list[Any], env: dict[str, str]) -> Got:
    env = {**os.environ, **env}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=env)
    return Got(**json.loads(done.stdout))


Get = Callable[[int, Path], Got]
CLIENTS = {"requests": by_requests, "httpx": by_httpx, "aiohttp": by_aiohttp, "curl": by_curl, "node-fetch": by_node}


@pytest.fixture(params=[*CLIENTS, "go-net-http"])
def get(request: pytest.FixtureRequest) -> Get:
    """`get(port, trusted)`: what a client gets from a server that must be called localhost."""
    if request.param == "go-net-http":
        program = request.getfixturevalue("go_build")(HERE / "gohttps")
        return lambda port, trusted: _of_program([program, f"https://localhost:{port}/here", str(trusted)], {})
    client = CLIENTS[request.param]
    return lambda port, trusted: client(f"https://localhost:{port}/here", trusted)


@pytest.fixture(scope="module")
def _door(secured: Callable[..., Any], https: int) -> Any:
    return secured("http", https)


@pytest.fixture
def door(_door: Any) -> Any:
    _door.clear()
    return _door


WORDS = {
    "expired": "expired|CERT_HAS_EXPIRED",
    "wrong_host": "(?i)mismatch|no alternative certificate subject name|altname|valid for wrong.host",
    "handshake": "(?i)handshake.?failure|alert handshake",
}
"""What clients call it."""


def test_no_rule_one_that_does_not_match_and_an_error(get: Get, door: Any, https: int, files: Any) -> None:
    direct = get(https, files.home)
    assert direct == Got(200, 50_000)
    assert get(door.port, files.both) == direct
    door.rules(a_rule("error", match={"path": "/elsewhere"}, protocol="http"))
    assert get(door.port, files.both) == direct
    assert door.counts() == (1, 0, 0, 0)
    door.rules(a_rule("error", match={"path": "/here"}, status=503, protocol="http"))
    assert get(door.port, files.both).status == 503
    assert door.counts() == (1, 1, 1, 0)


@pytest.mark.parametrize("fault", WORDS)
def test_faults_of_tls_are_the_client_s_own_errors(get: Get, door: Any, files: Any, fault: str) -> None:
    door.rules(a_rule("error", tls=fault, protocol="http"))
    before = door.process.report().distortions
    with pytest.raises(AssertionError, match=WORDS[fault]):
        assert get(door.port, files.both).error == ""
    assert door.counts().fired == 1
    assert door.process.report().distortions == before
    door.rules()
    assert get(door.port, files.both).status == 200


def test_a_client_that_does_not_trust_the_proxy_is_told_of(get: Get, secured: Any, https: int, files: Any) -> None:
    door = secured("http", https)
    assert get(door.port, files.home).error
    report = door.process.report()
    (told,) = (*report.distortions, *report.blind_spots)
    assert "app -> db.main: the caller" in told
    assert "FAULTBOX_CA" in told


def test_the_service_s_own_certificate_needs_no_trust(get: Get, secured: Any, https: int, files: Any) -> None:
    assert get(secured("http", https, files.own).port, files.home) == Got(200, 50_000)
