"""How soon the window answers a key while it is busy: in a terminal of its own, 1,000 cells, a trace that grows.

`python -m benchmarks tui`. As `python -m benchmarks.tui DIRECTORY` it is the window that is measured.
"""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from benchmarks.figures import Figure
from benchmarks.tool import Bench
from faultbox.model.plan import CaseInfo
from faultbox.model.source import Position
from faultbox.model.update import CaseDone, CaseStarted, RunStarted
from faultbox.model.verdict import CaseResult, Verdict
from faultbox.tui import Desk, watch

ROWS, COLUMNS = 50, 20
EVENTS_A_SECOND = 50_000
PRESSES = 60
_BUDGET_MS = 100.0
_PATIENCE_S = 30.0
_DOWN, _ENTER, _END = b"\x1b[B", b"\r", b"\x1b[F"


def tui(bench: Bench) -> Iterator[Figure]:
    """Median and worst of the times from a key to the screen that it asks for."""
    with _Window(bench.directory / "tui") as window:
        window.until(rb"matrix_s00_f00", 0.0)
        moves = sorted(window.press(_DOWN, rb"matrix_s%02d_f00" % (row % ROWS)) for row in range(1, min(PRESSES, ROWS)))
        window.press(_ENTER, rb"1 Outcome")
        window.press(b"3", rb"filter, as")
        window.press(_END, rb"#\d+ syscall")
        jumps = sorted(window.press(key, rb"#\d+ syscall") for key in (b"k", b"j") * (PRESSES // 4))
    yield Figure("tui, 1,000 cells changing: a key to its screen", moves[len(moves) // 2], "ms", limit=_BUDGET_MS)
    yield Figure("tui, 1,000 cells changing: the slowest key", moves[-1], "ms", limit=_BUDGET_MS)
    yield Figure("tui, a trace of 50,000 events/s: a key to its event", jumps[len(jumps) // 2], "ms", limit=_BUDGET_MS)
    yield Figure("tui, a trace of 50,000 events/s: the slowest key", jumps[-1], "ms", limit=_BUDGET_MS)


class _Window:
    """The window in a terminal of ours: keys in, what it draws out."""

    def __init__(self, directory: Path) -> None:
        case = directory / "cases" / "1"
        (case / "logs").mkdir(parents=True)
        self._writer = multiprocessing.get_context("spawn").Process(target=_write_trace, args=(case,), daemon=True)
        self._writer.start()
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execv(sys.executable, [sys.executable, "-m", "benchmarks.tui", str(directory)])
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("4H", 50, 160, 0, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.kill()
        self._writer.join()
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)

    def press(self, key: bytes, shows: bytes) -> float:
        """How many ms it takes from a key until what it asks for is drawn."""
        begin = time.perf_counter()
        os.write(self._terminal, key)
        return (self.until(shows, begin) - begin) * 1e3

    def until(self, shows: bytes, begin: float) -> float:
        """Read what is drawn until that is in it; when that was. Raises TimeoutError."""
        drawn = b""
        deadline = (begin or time.perf_counter()) + _PATIENCE_S
        while not re.search(shows, drawn):
            left = deadline - time.perf_counter()
            if left <= 0 or not select.select([self._terminal], [], [], left)[0]:
                raise TimeoutError(f"{shows!r} was never drawn")
            drawn = drawn[-4096:] + os.read(self._terminal, 1 << 16)
        return time.perf_counter()


def main(directory: Path) -> None:
    """A window whose run fills 1,000 cells again and again; one of them goes on and writes a trace."""
    watch(Desk("benchmark", lambda _, put: _feed(directory, put)))


def _feed(directory: Path, put: Callable[[object], None]) -> None:
    at = Position("x.star", 1)
    pairs = [(f"s{row:02}", f"f{column:02}") for row in range(ROWS) for column in range(COLUMNS)]
    infos = [
        CaseInfo(f"matrix_{row}_{column}", "cell", row, column, at, 1, row=row, column=column, matrix=0)
        for row, column in pairs
    ]
    put(RunStarted(1, "cli", "x.star", ("db",), tuple(infos), (), (), ()))
    last = infos[(ROWS - 1) * COLUMNS]
    put(CaseStarted(last.id, 1, str(directory / "cases" / "1")))
    while True:
        for info in infos:
            if info is not last:
                put(CaseStarted(info.id, 1))
                put(CaseDone(CaseResult(info, Verdict.PASSED, 12.0)))
                time.sleep(0.005)


def _write_trace(case: Path) -> None:
    """In a process of its own, as a world does: in pieces, so many events a second."""
    fields = {"syscall": "write", "decision": "allow"}
    shapes = (
        {"seq": seq, "time_ns": seq, "type": "syscall", "service": "db", "fields": fields} for seq in range(2_500)
    )
    piece = "".join(json.dumps(each) + "\n" for each in shapes)
    with (case / "events.jsonl").open("w", encoding="ascii") as file:
        while os.getppid() != 1:
            file.write(piece)
            file.flush()
            time.sleep(2_500 / EVENTS_A_SECOND)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
