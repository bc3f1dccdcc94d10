from __future__ import annotations

import errno
import select
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from faultbox import protocols
from faultbox.protocols.connection import Connection, StepFailed, words


def soon() -> float:
    return time.monotonic() + 10


@pytest.fixture
def full() -> Iterator[tuple[str, int]]:
    """An address whose accept queue is full: the SYNs that it gets are dropped."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for each in (first, second):
            each.setblocking(False)  # noqa: FBT003
            each.connect_ex(listener.getsockname())
        yield listener.getsockname()


class TestConnecting:
    def test_refused(self, free_port: int) -> None:
        for host in ("127.0.0.1", "localhost"):
            with pytest.raises(StepFailed, match=r"^connection refused$"):
                Connection((host, free_port), soon())

    def test_localhost_is_either_loopback(self, serve: Any) -> None:
        for host in ("127.0.0.1", "::1"):
            _, port = serve(lambda connection: connection.sendall(b"hi"), host)
            with Connection(("localhost", port), soon()) as connection:
                assert next(connection.exchange(b"")) == b"hi"

    @pytest.mark.parametrize("host", ["no-such-name.invalid", "b\u00fccher.invalid"])
    def test_a_name_that_nobody_knows(self, host: str) -> None:
        with pytest.raises(StepFailed, match=r"^name not known$"):
            Connection((host, 80), soon())

    @pytest.fixture
    def silent(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
        """A name server that doesn't answer before the event is set; numbers need none."""
        answered = threading.Event()
        real = socket.getaddrinfo

        def ask(*arguments: Any, flags: int = 0, **named: Any) -> Any:
            if not flags & socket.AI_NUMERICHOST:
                answered.wait(20)
            return real(*arguments, flags=flags, **named)

        monkeypatch.setattr(socket, "getaddrinfo", ask)
        yield answered
        answered.set()

    def test_looking_up_a_name_takes_no_longer_than_the_step_may(self, silent: threading.Event) -> None:
        with pytest.raises(StepFailed, match=r"^timeout$"):
            Connection(("db.example", 80), time.monotonic() + 0.05)
        assert not silent.is_set()

    def test_looking_up_a_name_is_cancelled(self, silent: threading.Event) -> None:
        canceller = threading.Thread(target=protocols.cancel_all)
        canceller.start()
        try:
            with pytest.raises(StepFailed, match=r"^cancelled$"):
                Connection(("db.example", 80), soon())
        finally:
            canceller.join()
            protocols.resume()

    def test_an_address_asks_nobody(self, silent: threading.Event, free_port: int) -> None:
        with pytest.raises(StepFailed, match=r"^connection refused$"):
            Connection(("127.0.0.1", free_port), soon())

    @pytest.mark.parametrize(
        ("code", "text"),
        [
            (errno.EHOSTUNREACH, "no route to host"),
            (errno.ENETUNREACH, "no route to host"),
            (errno.ETIMEDOUT, "timeout"),
            (errno.EPIPE, "connection reset"),
            (errno.EMFILE, "too many open files"),
        ],
    )
    def test_errors_as_steps_report_them(self, code: int, text: str) -> None:
        assert words(code) == text

    def test_a_full_backlog_is_a_timeout(self, full: Any) -> None:
        with pytest.raises(StepFailed, match=r"^timeout$"):
            Connection(full, time.monotonic() + 0.05)


class TestExchange:
    def test_both_directions_at_once(self, serve: Any) -> None:
        size = 8 << 20

        def mirror(connection: socket.socket) -> None:
            left = size
            while left:
                data = connection.recv(65536)
                connection.sendall(data)
                left -= len(data)

        with Connection(serve(mirror), soon()) as connection:
            received = sum(len(data) for data in connection.exchange(b"x" * size))
        assert received == size

    def test_an_answer_to_a_request_that_was_not_read(self, serve: Any) -> None:
        def hasty(connection: socket.socket) -> None:
            connection.sendall(b"too large")
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

        with Connection(serve(hasty), soon()) as connection:
            heard = b""
            for data in connection.exchange(b"x" * (4 << 20)):
                heard += data
                if not data or heard == b"too large":
                    break
        assert heard == b"too large"

    def test_a_reset_that_only_sending_is_told_of(self, serve: Any, reset: Any) -> None:
        go = threading.Event()

        def waits_then_resets(connection: socket.socket) -> None:
            assert go.wait(10)
            reset(connection)

        class SendsFirst(Connection):
            """Hears of the reset not from poll but from send."""

            connected = False

            def _wait(self, events: int) -> int:
                ready = super()._wait(events)
                if not self.connected:
                    return ready
                while events & select.POLLOUT and not ready & select.POLLHUP:
                    ready = super()._wait(0)
                return select.POLLOUT if events & select.POLLOUT else ready

        with SendsFirst(serve(waits_then_resets), soon()) as connection:
            connection.connected = True
            go.set()
            with pytest.raises(StepFailed, match=r"^connection reset$"):
                list(connection.exchange(b"x"))


class TestRegistry:
    def test_open_ports_while_open(self, serve: Any) -> None:
        peers: list[int] = []

        def note(connection: socket.socket) -> None:
            peers.append(connection.getpeername()[1])
            connection.sendall(b"x")
            connection.recv(1)

        before = protocols.open_ports()
        with Connection(serve(note), soon()) as connection:
            next(connection.exchange(b""))
            assert protocols.open_ports() - before == set(peers)
        assert protocols.open_ports() == before

    def test_a_failed_connection_leaves_nothing(self, free_port: int) -> None:
        before = protocols.open_ports()
        with pytest.raises(StepFailed):
            Connection(("127.0.0.1", free_port), soon())
        assert protocols.open_ports() == before


class TestCancel:
    @pytest.fixture(autouse=True)
    def resumed(self) -> Iterator[None]:
        yield
        protocols.resume()

    def test_a_waiting_step_is_cancelled(self, serve: Any) -> None:
        reached, results = threading.Event(), []

        def silent(connection: socket.socket) -> None:
            reached.set()
            assert connection.recv(1) == b""

        address = serve(silent)
        step = threading.Thread(target=lambda: results.append(protocols.get("tcp").step(address, "send", {})))
        step.start()
        assert reached.wait(10)
        protocols.cancel_all()
        step.join(10)
        assert [response.error for response in results] == ["cancelled"]

    def test_a_connecting_step_is_cancelled(self, full: Any) -> None:
        failures: list[str] = []

        def connect() -> None:
            try:
                Connection(full, soon())
            except StepFailed as failed:
                failures.append(str(failed))

        before = protocols.open_ports()
        thread = threading.Thread(target=connect)
        thread.start()
        while protocols.open_ports() == before:
            assert thread.is_alive()
        protocols.cancel_all()
        thread.join(10)
        assert failures == ["cancelled"]
        assert protocols.open_ports() == before

    def test_an_end_that_comes_of_cancelling_is_no_answer(self, serve: Any) -> None:
        class CancelledLate(Connection):
            """Is cancelled between being ready and reading."""

            connected = False

            def _wait(self, events: int) -> int:
                ready = super()._wait(events)
                if self.connected:
                    self.cancel()
                return ready

        with CancelledLate(serve(lambda c: None), soon()) as connection:
            connection.connected = True
            with pytest.raises(StepFailed, match=r"^cancelled$"):
                list(connection.exchange(b""))

    def test_later_steps_are_cancelled_until_resumed(self, serve: Any) -> None:
        address = serve(lambda connection: connection.sendall(b"hi\n"))
        protocols.cancel_all()
        assert protocols.get("tcp").step(address, "send", {}).error == "cancelled"
        protocols.resume()
        assert protocols.get("tcp").step(address, "send", {}).body == "hi"
