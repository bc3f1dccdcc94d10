"""The whole command in a terminal: what it leaves there however it ends, and what it says afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faultbox import evidence

FAKE = Path(__file__).parents[1] / "cli" / "fake_run.py"
ORDERS = Path(__file__).parents[2] / "examples" / "orders" / "faultbox.star"
Wait = Callable[[Callable[[], bool], str], None]


@pytest.fixture
def tui(terminal: Any, tmp_path: Path) -> Callable[..., None]:
    """Type a `faultbox tui` whose run does as a script says; its exit code is printed as `code N`, then how the
    terminal echoes."""
    (tmp_path / "faultbox.star").write_text("x = 1\n")

    def start(script: str, *flags: str, fake: Path = FAKE, **environment: str) -> None:
        terminal.open(100, 30, FAULTBOX_STATE_DIR=str(tmp_path / "state"), **environment)
        command = [sys.executable, str(fake), script, "--", "tui", "faultbox.star", *flags]
        terminal.type(
            " ".join(command) + "; echo code $?; stty -a | tr ' ' '\\n' | grep -x -e -echo -e -icanon -e echo"
        )

    return start


@pytest.fixture
def restored(terminal: Any, until: Wait) -> Callable[[], None]:
    """Wait until the terminal is as it was: its own screen, no mouse, echo as before."""

    def whole() -> bool:
        echoes = terminal.text().rstrip().splitlines()[-2:-1] == ["echo"]
        return echoes and not terminal.alternate and not terminal.mouse

    return lambda: until(whole, "the terminal to be whole")


def test_a_run_is_seen_left_and_summed_up(
    tui: Callable[..., None], terminal: Any, restored: Callable[[], None]
) -> None:
    tui("orders", "--seed", "1")
    terminal.shows("4/4", "1 failed", "order_creation")
    assert terminal.alternate
    terminal.press("n", "Enter")
    terminal.shows("1 Outcome", "expect_success: status_code=503 (want < 500)", "\\x1b[31m!")
    terminal.press("Escape")
    terminal.shows("Fault matrix")  # Escape and a key at once would be Alt and that key
    terminal.press("q")
    terminal.shows("3 passed, 1 failed, 1 not exercised", "Replay: faultbox replay run-", "code 1")
    restored()


@pytest.mark.parametrize(("name", "code"), [("TERM", 143), ("HUP", 143), ("INT", 130)])
def test_a_signal_ends_the_run_in_order(
    tui: Callable[..., None], terminal: Any, restored: Callable[[], None], name: str, code: int
) -> None:
    tui("waiting", "--seed", "1")
    terminal.shows("1 running")
    os.kill(_pid_of(terminal), getattr(signal, f"SIG{name}"))
    terminal.shows("1 passed", "Bundle: run-", f"code {code}")
    restored()


def test_a_terminal_that_goes_away_ends_the_run_in_order(
    tui: Callable[..., None], terminal: Any, tmp_path: Path, until: Wait
) -> None:
    """It sends SIGHUP several times, SIGCONT too, and nothing can be written any more."""
    tui("waiting", "--seed", "1")
    terminal.shows("1 running")
    terminal.close()
    until(lambda: any(tmp_path.glob("run-*.fb")), "the bundle")
    with evidence.open(next(tmp_path.glob("run-*.fb"))) as bundle:
        assert (bundle.manifest["exit"], bundle.directories()) == (143, ["0001-test_a"])
    until(lambda: not any((tmp_path / "state" / "runs").iterdir()), "the spool to be gone")


def test_ctrl_c_asks_and_then_ends(tui: Callable[..., None], terminal: Any, restored: Callable[[], None]) -> None:
    tui("waiting", "--seed", "1")
    terminal.shows("1 running")
    terminal.press("C-c")
    terminal.shows("A run goes. End it?")
    terminal.press("y")
    terminal.shows("1 passed", "code 130")
    restored()


def test_a_crash_leaves_the_terminal_whole_and_ends_the_run(
    tui: Callable[..., None], terminal: Any, tmp_path: Path, restored: Callable[[], None]
) -> None:
    crashing = tmp_path / "crashing.py"
    crashing.write_text(
        "import runpy\n"
        "from faultbox.tui.board import Board\n"
        "def crash(self):\n"
        "    raise RuntimeError('planted')\n"
        "Board.action_next_red = crash\n"
        f"runpy.run_path({str(FAKE)!r}, run_name='__main__')\n"
    )
    tui("waiting", "--seed", "1", fake=crashing)
    terminal.shows("1 running")
    terminal.press("n")
    terminal.shows("planted", "1 passed", "code 3")
    restored()


def test_a_refused_spec_stays_on_the_screen_and_is_told_afterwards(tui: Callable[..., None], terminal: Any) -> None:
    tui("misspelt")
    terminal.shows("faultbox.star:1:8: [UNKNOWN_ERRNO]", "undefined: faultt")
    terminal.press("q")
    terminal.shows("2 problems: nothing was started", "code 2")


def test_without_colour_there_is_none(tui: Callable[..., None], terminal: Any) -> None:
    tui("orders", "--seed", "1", NO_COLOR="1")
    terminal.shows("4/4")
    terminal.press("q")
    terminal.shows("code 1")
    coloured = terminal._run("capture-pane", "-p", "-e")
    assert "\x1b[31m" not in coloured


@pytest.mark.parametrize(
    ("environment", "words"), [({"TERM": "dumb"}, "TERM=dumb"), ({"TERM": "xterm"}, "faultbox tui needs a terminal")]
)
def test_where_nothing_can_be_drawn_it_says_so(tmp_path: Path, environment: dict[str, str], words: str) -> None:
    (tmp_path / "faultbox.star").write_text("x = 1\n")
    command = [sys.executable, "-m", "faultbox", "tui", "faultbox.star"]
    if words == "TERM=dumb":  # script(1) gives a terminal
        command = ["script", "-qec", " ".join(command), "/dev/null"]
    ended = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert (ended.returncode, words in ended.stdout + ended.stderr) == (2, True)
    assert "faultbox test" in ended.stdout + ended.stderr


@pytest.mark.root
@pytest.mark.slow
def test_the_orders_for_real(terminal: Any, tmp_path: Path) -> None:
    """Live matrix, drill-down into a red cell, its difference from the control, again, quit."""
    terminal.open(160, 50, FAULTBOX_STATE_DIR=str(tmp_path / "state"))
    select = "--test matrix_place_order_cache_down --test matrix_place_order_disk_full"
    terminal.type(f"{sys.executable} -m faultbox tui {ORDERS} --seed 1 {select}; echo code $?")
    terminal.shows("place_order", "·", "running")
    terminal.shows("3/3", "1 failed", "bundle:")
    terminal.press("n", "Enter")
    terminal.shows("1 Outcome", "expect_success", "connect=deny(ECONNREFUSED)")
    terminal.press("2")
    terminal.shows("driver", "F a fault at work")
    terminal.press("4")
    terminal.shows("api.stderr", "Connection refused")
    terminal.press("6")
    terminal.shows("only in test_place_order", "fault_applied")
    terminal.press("Escape")
    terminal.shows("Fault matrix")
    terminal.press("r")
    terminal.shows("running", "1/3")
    terminal.shows("3/3", "1 failed")
    terminal.press("q")
    terminal.shows("2 passed, 1 failed", "Another bundle:", "Replay: faultbox replay", "code 1")


def _pid_of(terminal: Any) -> int:
    """The command that runs in the terminal's shell."""
    shell = terminal._run("display-message", "-p", "#{pane_pid}").strip()
    (child,) = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
    return int(child)
