"""The command in a process of its own: on a terminal, in a pipe, and when it is asked to stop."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faultbox import evidence

PATIENCE_S = 30


class Terminal:
    """The command on a pseudo-terminal; what it has written so far is `text`."""

    def __init__(self, line: list[str], columns: int = 100, **environ: str) -> None:
        self.side, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        base = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}}
        self.process = subprocess.Popen(
            line,
            stdin=other,
            stdout=other,
            stderr=other,
            env=base | {"TERM": "xterm"} | environ,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - this process has one thread
        )
        os.close(other)
        self.text = ""

    def read_until(self, wanted: str | None) -> str:
        """Read until a text has come, or the end; all that came."""
        deadline = time.monotonic() + PATIENCE_S
        while wanted is None or wanted not in self.text:
            assert select.select([self.side], [], [], max(0, deadline - time.monotonic()))[0], self.text
            try:
                more = os.read(self.side, 65536)
            except OSError:  # EIO: the other side is closed
                more = b""
            if not more:
                break
            self.text += more.decode(errors="replace").replace("\r\n", "\n")
        return self.text

    def finish(self) -> int:
        self.read_until(None)
        os.close(self.side)
        return self.process.wait(PATIENCE_S)


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_a_terminal_gets_colours_and_a_bar_that_goes_away(command: Callable[..., list[str]]) -> None:
    terminal = Terminal(command("test", "--seed", "1", "--no-bundle", script="orders"))
    assert terminal.finish() == 1
    assert "\x1b[31m--- FAIL: matrix_order_creation_cache_down" in terminal.text
    assert "━" in terminal.text
    lines = [line.strip() for line in plain(terminal.text).replace("\r", "\n").splitlines()]
    assert "--- PASS: matrix_login_flow_db_down (3ms, seed=1) ○ not exercised ---" in lines
    assert lines[-1] == "3 passed, 1 failed, 1 not exercised"


def test_a_case_is_shown_while_it_runs(command: Callable[..., list[str]]) -> None:
    terminal = Terminal(command("test", "--no-bundle", script="waiting"))
    terminal.read_until("test_b")
    assert "1/2" in plain(terminal.text)
    os.write(terminal.side, b"\x03")
    assert terminal.finish() == 130
    assert plain(terminal.text).rstrip().endswith("1 passed, 0 failed, 1 not run")


def test_no_color_on_a_terminal(command: Callable[..., list[str]]) -> None:
    terminal = Terminal(command("test", "--no-bundle", script="orders"), NO_COLOR="1")
    assert terminal.finish() == 1
    assert re.search(r"\x1b\[[0-9;]*m", terminal.text) is None


def test_a_dumb_terminal_gets_plain_lines(command: Callable[..., list[str]]) -> None:
    terminal = Terminal(command("test", "--no-bundle", "--seed", "1", script="orders"), TERM="dumb")
    assert terminal.finish() == 1
    assert "\x1b" not in terminal.text
    assert terminal.text.startswith("Seed: 1 (cli)\n\n--- PASS: test_health_endpoint (12ms, seed=1) ---\n")


def test_long_lines_are_left_to_the_terminal(command: Callable[..., list[str]]) -> None:
    terminal = Terminal(command("test", "--no-bundle", "--seed", "1", script="orders"), columns=30)
    assert terminal.finish() == 1
    assert "  reason: \x1b[1mexpect_success: status_code=503 (want < 500)" in terminal.text
    assert "│ cache_down" in plain(terminal.text)


def test_a_pipe_gets_plain_lines(spawn: Callable[..., Any]) -> None:
    done = spawn("test", "--no-bundle", script="orders")
    assert (done.returncode, done.stderr) == (1, "")
    assert "\x1b" not in done.stdout.replace("\\x1b", "")


def test_forced_colours_in_a_pipe(spawn: Callable[..., Any]) -> None:
    done = spawn("test", "--no-bundle", script="orders", FORCE_COLOR="1")
    assert "\x1b[32m--- PASS: test_health_endpoint (12ms, seed=" in done.stdout
    assert "\x1b[?25l" not in done.stdout


def test_a_locale_without_our_characters(spawn: Callable[..., Any]) -> None:
    done = spawn("test", "--no-bundle", script="orders", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert done.stdout.isascii()
    assert "-----------------+--------------+-------------" in done.stdout
    assert "seed=" in done.stdout
    assert " o not exercised ---" in done.stdout
    assert done.stderr == ""


def test_a_reader_that_leaves_is_no_error(command: Callable[..., list[str]], here: Path) -> None:
    line = command("test", "--output", "out.fb", script="many")
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"Seed: ")
    process.stdout.close()
    assert process.stderr is not None
    errors = process.stderr.read()
    process.stderr.close()
    assert (process.wait(PATIENCE_S), errors) == (0, b"")
    with evidence.open(here / "out.fb") as bundle:
        assert len(bundle.directories()) == 400


def test_help_into_a_closed_pipe_is_quiet(command: Callable[..., list[str]]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command("--help"), stdout=writing, stderr=subprocess.PIPE, timeout=PATIENCE_S, check=False)
    os.close(writing)
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)], ids=["INT", "TERM", "HUP"]
)
def test_a_signal_ends_the_run_in_order(
    command: Callable[..., list[str]], here: Path, number: signal.Signals, code: int
) -> None:
    process = subprocess.Popen(
        command("test", "--output", "out.fb", script="waiting"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    while "--- PASS: test_a" not in (line := process.stdout.readline()):
        assert line, "the run ended before it was interrupted"
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code
    assert err == "\nfaultbox: stopping; what has finished is kept (once more to kill)\n"
    assert "Bundle: out.fb\n\n1 passed, 0 failed, 1 not run\n" in out
    with evidence.open(here / "out.fb") as bundle:
        assert bundle.manifest["exit"] == code
        assert bundle.directories() == ["0001-test_a"]


def test_closed_descriptors_are_no_files_of_ours(command: Callable[..., list[str]], here: Path) -> None:
    line = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command("test", "--output", "out.fb", script="orders")]
    assert subprocess.run(line, timeout=PATIENCE_S, check=False).returncode == 1
    with evidence.open(here / "out.fb") as bundle:
        assert len(bundle.directories()) == 4


def test_what_is_started_with_closed_descriptors_has_them_too() -> None:
    program = (
        "import subprocess, sys; from faultbox.cli import _harden_output; _harden_output();"
        "subprocess.run([sys.executable, '-c', 'import os, sys; [os.fstat(fd) for fd in range(3)]'], check=True)"
    )
    line = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", program]
    assert subprocess.run(line, timeout=PATIENCE_S, check=False).returncode == 0


@pytest.mark.root
def test_a_full_disk_under_stdout_is_an_error(command: Callable[..., list[str]], here: Path) -> None:
    with Path("/dev/full").open("w") as full:
        line = command("test", "--output", "out.fb")
        done = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False)
    text = "faultbox: [Errno 28] stdout can't be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (3, text)
    evidence.open(here / "out.fb").close()  # the run was not given up for it


def test_python_m_faultbox_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "faultbox", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("faultbox ")
