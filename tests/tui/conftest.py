"""A desk whose runs do as a test tells them, screens as text, and terminals that are none but tmux's."""

from __future__ import annotations

import asyncio
import os
import queue
import shlex
import shutil
import subprocess
import sys
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot

from faultbox.tui import Desk, Finished, Going, Order

_FAKE = Path(__file__).parents[1] / "cli" / "fake_run.py"
SCREENS = Path(__file__).with_name("screens")
WRITE_SCREENS = os.environ.get("FAULTBOX_WRITE_SCREENS", "") == "1"
"""Set to take what is drawn now for right, after looking at it."""
TURNS = 300
"""Of 50 ms, in which a window looks as it should."""


class Hand:
    """A launcher: each run gives what the test hands over, and notes what it is asked."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.asked: list[tuple[str, object]] = []
        self._messages: queue.SimpleQueue[object] = queue.SimpleQueue()

    def __call__(self, order: Order, put: Callable[[object], None]) -> None:
        self.orders.append(order)
        while True:
            message = self._messages.get()
            if isinstance(message, Exception):
                raise message
            put(message)
            if isinstance(message, Finished):
                return

    def give(self, *messages: object) -> None:
        for each in messages:
            self._messages.put(each)

    def going(self) -> None:
        self.give(Going(self))  # type: ignore[arg-type]

    def interrupt(self, number: int) -> None:
        self.asked.append(("interrupt", number))

    def keep_to(self, jobs: int | None) -> None:
        self.asked.append(("jobs", jobs))

    def pause(self, *, paused: bool) -> None:
        self.asked.append(("pause", paused))

    def stop_at_failure(self, *, stop: bool) -> None:
        self.asked.append(("stop", stop))


@pytest.fixture(scope="session")
def fakes(module_at: Callable[[Path], ModuleType]) -> ModuleType:
    return module_at(_FAKE)


@pytest.fixture
def spools(fakes: ModuleType) -> ModuleType:
    module: ModuleType = fakes.spools
    return module


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def desk(hand: Hand, tmp_path: Path) -> Iterator[Desk]:
    """Of a spec that stands in a file; what still runs at the end is finished."""
    spec = tmp_path / "orders.star"
    spec.write_text("x = 1\n")
    desk = Desk("orders.star", hand, str(spec))
    yield desk
    if desk.busy:
        hand.give(Finished(None))
        desk.wait(0.0)


@pytest.fixture
def drained(desk: Desk, until: Callable[[Callable[[], bool], str], None]) -> Callable[[Callable[[], bool], str], None]:
    """Wait until a desk has taken in what makes something true."""

    def wait(question: Callable[[], bool], what: str) -> None:
        def asked() -> bool:
            desk.drain(1.0)
            return question()

        until(asked, what)

    return wait


@pytest.fixture
def play() -> Callable[[Callable[[], Awaitable[None]]], None]:
    """Run a test's coroutine to its end."""
    return lambda body: asyncio.run(body())  # type: ignore[arg-type]


@pytest.fixture
def text_of() -> Callable[[App[Any]], str]:
    """What a window shows, without colours."""

    def text(app: App[Any]) -> str:
        strips = app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips) + "\n"

    return text


@pytest.fixture
def looks_like(text_of: Callable[[App[Any]], str]) -> Callable[[Pilot[Any], str], Awaitable[None]]:
    """Wait until a window shows what a file in screens/ says."""

    async def compare(pilot: Pilot[Any], name: str) -> None:
        path = SCREENS / f"{name}.txt"
        if WRITE_SCREENS:
            await pilot.pause(1.0)
            path.write_text(text_of(pilot.app), encoding="utf-8")
        expected, turns = path.read_text(encoding="utf-8"), 0
        while text_of(pilot.app) != expected and turns < TURNS:
            await pilot.pause(0.05)
            turns += 1
        assert text_of(pilot.app) == expected

    return compare


class Terminal:
    """A terminal of tmux's, with a shell in it."""

    def __init__(self, socket: str, directory: Path, until: Callable[[Callable[[], bool], str], None]) -> None:
        self._tmux = ["tmux", "-L", socket, "-f", "/dev/null"]
        self._directory, self._until = directory, until

    def open(self, width: int, height: int, **environment: str) -> None:
        shell = [
            "env",
            "-u",
            "COLUMNS",
            "-u",
            "LINES",
            *(f"{name}={value}" for name, value in environment.items()),
            "PS1=$ ",
            "sh",
        ]
        size = ["-x", str(width), "-y", str(height)]
        self._run("new-session", "-d", *size, "-c", str(self._directory), shlex.join(shell))

    def type(self, line: str) -> None:
        self._run("send-keys", "-l", line)
        self.press("Enter")

    def press(self, *keys: str) -> None:
        self._run("send-keys", *keys)

    def text(self) -> str:
        return self._run("capture-pane", "-p", "-S", "-200")

    def shows(self, *words: str) -> None:
        """Wait until all of these are to be seen."""
        try:
            self._until(lambda: all(word in self.text() for word in words), str(words))
        except BaseException:
            sys.stderr.write(self.text())
            raise

    @property
    def alternate(self) -> bool:
        """Whether a program has the whole screen."""
        return self._run("display-message", "-p", "#{alternate_on}").strip() == "1"

    @property
    def mouse(self) -> bool:
        """Whether a program wants to hear of the mouse."""
        return "1" in self._run("display-message", "-p", "#{mouse_any_flag}#{mouse_standard_flag}#{mouse_button_flag}")

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)

    def _run(self, *words: str) -> str:
        return subprocess.run([*self._tmux, *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def terminal(tmp_path: Path, until: Callable[[Callable[[], bool], str], None]) -> Iterator[Terminal]:
    if shutil.which("tmux") is None:
        pytest.skip("needs tmux")
    made = Terminal(f"faultbox-test-{uuid.uuid4().hex[:12]}", tmp_path, until)
    yield made
    made.close()
