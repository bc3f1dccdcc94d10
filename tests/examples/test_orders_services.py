"""The services of examples/orders by themselves, without Faultbox: what the example's spec relies on."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ORDERS = Path(__file__).parents[2] / "examples" / "orders"
SOLD_BEFORE = {"order": "first", "item": "widget", "quantity": 1, "stock": 4}

Answer = tuple[int, Any]
Ask = Callable[..., Answer]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while True:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        assert process.poll() is None, f"{process.args!r} has ended with {process.returncode}"
        assert time.monotonic() < deadline, f"{process.args!r} does not listen on {port}"
        time.sleep(0.01)


class Stack:
    """Services of one test, on free ports; whatever runs at its end is stopped."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._stack = contextlib.ExitStack()

    def start(self, command: list[str], port: int, **environment: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command,
            cwd=self.directory,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._stack.callback(stop, process)
        await_port(port, process)
        return process

    def inventory(self, port: int, variant: str = "fixed") -> subprocess.Popen[bytes]:
        command = [sys.executable, str(ORDERS / "inventory.py")]
        return self.start(command, port, PORT=str(port), DATA=str(self.directory), ORDERS_VARIANT=variant)

    def redis(self, port: int) -> subprocess.Popen[bytes]:
        server = shutil.which("redis-server")
        if server is None:
            pytest.skip("redis-server is not installed")
        return self.start([server, "--port", str(port), "--appendonly", "yes", "--appendfsync", "always"], port)

    def api(self, cache: int, inventory: int, variant: str = "fixed") -> Ask:
        port = free_port()
        addresses = {"CACHE_ADDR": f"127.0.0.1:{cache}", "INVENTORY_ADDR": f"127.0.0.1:{inventory}"}
        command = [sys.executable, str(ORDERS / "api.py")]
        self.start(command, port, PORT=str(port), ORDERS_VARIANT=variant, **addresses)
        return asker(port)

    def close(self) -> None:
        self._stack.close()


def stop(process: subprocess.Popen[bytes]) -> None:
    """The service and, where it runs under strace, both: strace itself shuts out SIGTERM."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise


def asker(port: int) -> Ask:
    def ask(method: str, path: str, body: object = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            content = answer.read()
        return answer.status, json.loads(content) if answer.headers["Content-Type"].startswith(
            "application/json"
        ) else content

    return ask


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    running = Stack(tmp_path)
    yield running
    running.close()


def test_an_order_goes_through_and_is_found_again(stack: Stack) -> None:
    cache, inventory = free_port(), free_port()
    stack.redis(cache)
    stack.inventory(inventory)
    ask = stack.api(cache, inventory)
    status, order = ask("POST", "/orders", {"item": "widget", "quantity": 2})
    assert (status, order["stock"]) == (201, 3)
    assert ask("GET", "/orders") == (200, [order])
    assert ask("GET", f"/orders/{order['order']}") == (200, order)
    assert ask("GET", "/orders/none") == (404, {"error": "no such order"})
    assert ask("POST", "/orders", {"item": "gadget", "quantity": 9}) == (409, {"error": "not enough gadget"})
    assert ask("POST", "/orders", ["nonsense"])[0] == 400
    assert ask("GET", "/health") == (200, {"status": "ok"})


def test_a_new_order_shows_in_a_cached_list(stack: Stack) -> None:
    cache, inventory = free_port(), free_port()
    stack.redis(cache)
    stack.inventory(inventory)
    ask = stack.api(cache, inventory)
    assert ask("GET", "/orders") == (200, [])
    order = ask("POST", "/orders", {"item": "widget"})[1]
    assert ask("GET", "/orders") == (200, [order])


def test_reservations_survive_sigkill_and_a_torn_line_does_not(stack: Stack) -> None:
    port = free_port()
    first = stack.inventory(port)
    ask = asker(port)
    assert ask("POST", "/reservations", {"order": "first", "item": "widget", "quantity": 1}) == (201, SOLD_BEFORE)
    first.kill()
    first.wait()
    with (stack.directory / "wal.log").open("ab") as log:
        log.write(b'{"order": "torn", "item": "wid')
    stack.inventory(port)
    assert ask("GET", "/reservations") == (200, [SOLD_BEFORE])
    assert ask("POST", "/reservations", {"order": "second", "item": "widget", "quantity": 1})[1]["stock"] == 3


def test_the_same_order_reserves_once(stack: Stack) -> None:
    port = free_port()
    stack.inventory(port)
    ask = asker(port)
    again = {"order": "first", "item": "widget", "quantity": 1}
    assert ask("POST", "/reservations", again) == ask("POST", "/reservations", again)
    assert ask("GET", "/reservations") == (200, [SOLD_BEFORE])


@pytest.mark.parametrize(("variant", "status"), [("buggy", 500), ("fixed", 201)])
def test_without_a_cache_only_the_fixed_api_takes_orders(stack: Stack, variant: str, status: int) -> None:
    inventory = free_port()
    stack.inventory(inventory)
    ask = stack.api(free_port(), inventory, variant)
    assert ask("POST", "/orders", {"item": "widget"})[0] == status
    assert ask("GET", "/health")[0] == 200


def test_without_an_inventory_orders_are_refused(stack: Stack) -> None:
    cache = free_port()
    stack.redis(cache)
    ask = stack.api(cache, free_port())
    assert ask("POST", "/orders", {"item": "widget"}) == (503, {"error": "the inventory can't be reached"})


@pytest.mark.parametrize(("variant", "status"), [("buggy", 201), ("fixed", 503)])
def test_a_failed_fsync_confirms_only_in_the_buggy_inventory(stack: Stack, variant: str, status: int) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    port = free_port()
    inject = [strace, "-f", "-qqq", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=1"]
    service = [sys.executable, str(ORDERS / "inventory.py")]
    environment = {"PORT": str(port), "DATA": str(stack.directory), "ORDERS_VARIANT": variant}
    stack.start([*inject, *service], port, **environment)
    ask = asker(port)
    assert ask("POST", "/reservations", {"order": "1", "item": "widget", "quantity": 1})[0] == status
    # Later fsyncs succeed, but say nothing about the first line: the fixed service stays closed.
    assert ask("POST", "/reservations", {"order": "2", "item": "widget", "quantity": 1})[0] == status
