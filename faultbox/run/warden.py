"""The warden: removes everything of a run when the run is over, however it ended.

A process of its own in a session of its own, started by the front with a pipe as its standard
input. It uses the standard library only and imports nothing of the project. Each line names one
thing: `cgroup PATH`, `layers PATH`. When the pipe ends - the front has closed it, or died - the
warden kills what is in the cgroups, removes them, removes the layers, and is gone.

Run as a script: `python -I -S warden.py`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PATIENCE_S = 10.0
"""How long dying processes may hold a cgroup before the warden gives up and says so."""


def cgroups_below(root: Path) -> Iterator[Path]:
    """The cgroup and all below it, deepest first, which is the order in which they can be removed."""
    for directory, _, _ in os.walk(root, topdown=False):
        yield Path(directory)


def kill(cgroup: Path) -> None:
    """SIGKILL everything in a cgroup and below (cgroup.kill: Linux 5.14)."""
    with contextlib.suppress(OSError):
        (cgroup / "cgroup.kill").write_text("1")
        return
    for below in cgroups_below(cgroup):
        with contextlib.suppress(OSError):
            for pid in (below / "cgroup.procs").read_text().split():
                os.kill(int(pid), signal.SIGKILL)


def remove_cgroup(root: Path) -> bool:
    """Kill, then remove depth first; False when something would not die in time."""
    deadline = time.monotonic() + PATIENCE_S
    pause = 0.001
    while root.exists():
        kill(root)
        for cgroup in cgroups_below(root):
            with contextlib.suppress(OSError):
                cgroup.rmdir()
        if not root.exists():
            break
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 2, 0.1)
    return True


def remove_tree(root: Path) -> None:
    """Remove a directory tree; overlay work directories have mode 000, hence the second try."""

    def open_up(_function: object, path: str, _error: object) -> None:
        with contextlib.suppress(OSError):
            Path(path).parent.chmod(0o700)
            Path(path).chmod(0o700)
            shutil.rmtree(path) if Path(path).is_dir() else Path(path).unlink()

    deadline = time.monotonic() + PATIENCE_S
    while root.exists() and time.monotonic() < deadline:
        shutil.rmtree(root, onerror=open_up)


def sweep(lines: list[str]) -> int:
    """Remove what the lines name; the number of things that could not be removed."""
    named = [line.split(" ", 1) for line in lines if " " in line]
    left = sum(not remove_cgroup(Path(path)) for kind, path in named if kind == "cgroup")
    for kind, path in named:
        if kind == "layers":
            remove_tree(Path(path))
            left += Path(path).exists()
    return left


def main() -> int:
    """Outlives every signal that asks a process to end: it ends when the pipe does."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(each, signal.SIG_IGN)
    return sweep(sys.stdin.read().splitlines())


if __name__ == "__main__":
    sys.exit(main())
