"""Where runs leave what they write while they go, and whose it is.

A run's spool is a directory of its own below the state directory; `owner.json` in it names the
process that made it, so that the spool of a dead run can be told from that of a living one.
The rest is written by the run (`faultbox.run.spool`) and read by `Spool`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path


def state_dir(environ: Mapping[str, str]) -> Path:
    """Where runs live: FAULTBOX_STATE_DIR, else by the XDG base directory rules, else one of the user in $TMPDIR."""
    if chosen := environ.get("FAULTBOX_STATE_DIR"):
        return Path(chosen).absolute()
    home = environ.get("HOME", "")
    named = environ.get("XDG_STATE_HOME", "")
    for base in (named, f"{home}/.local/state" if home else ""):
        if base.startswith("/") and _can_make(directory := Path(base) / "faultbox"):
            return directory
    return Path(environ.get("TMPDIR") or "/tmp") / f"faultbox-{os.getuid()}"


def _can_make(directory: Path) -> bool:
    """Whether this user may write there, or make it there: the nearest ancestor that exists decides."""
    for each in (directory, *directory.parents):
        if each.exists():
            return each.is_dir() and os.access(each, os.W_OK | os.X_OK)
    return False


def new_run(state: Path) -> Path:
    """A fresh run directory, owned by this process. Raises OSError; a foreign state directory is one."""
    runs = state / "runs"
    try:
        return _new_run(state, runs)
    except OSError as error:
        from faultbox.run import room

        if not room.lacking(error):
            raise
        raise OSError(f"{room.said(runs / 'new')}: {room.ADVICE}") from error


def _new_run(state: Path, runs: Path) -> Path:
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    if state.stat().st_uid != os.getuid():
        raise PermissionError(f"{state} belongs to another user: set FAULTBOX_STATE_DIR to a directory of yours")
    run_dir = runs / os.urandom(6).hex()
    run_dir.mkdir(mode=0o700, parents=True)
    owner = {"pid": os.getpid(), "start_time": _start_time(os.getpid()), "boot_id": _boot_id()}
    (run_dir / "owner.json").write_text(json.dumps(owner), encoding="utf-8")
    return run_dir


def remove(run_dir: Path) -> None:
    """Remove a spool, and what an overlay made unreadable in it."""
    shutil.rmtree(run_dir, ignore_errors=True)
    if run_dir.exists():
        from faultbox.world.layout import rmtree

        rmtree(run_dir)


def disown(run_dir: Path) -> None:
    """Keep a spool for people to look at: nobody owns it any more, so nobody recovers it."""
    (run_dir / "owner.json").unlink(missing_ok=True)


def dead_runs(state: Path) -> list[Path]:
    """The spools whose owners live no more, oldest first."""
    found = [each.parent for each in state.glob("runs/*/owner.json") if not _alive(each.parent)]
    return sorted(found, key=lambda each: (each.stat().st_mtime_ns, each.name))


def _alive(run_dir: Path) -> bool:
    """Whether the process that made a spool still runs; pids are only unique together with boot and start time."""
    try:
        owner = json.loads((run_dir / "owner.json").read_bytes())
        same_boot = owner["boot_id"] == _boot_id()
        return bool(same_boot and _start_time(int(owner["pid"])) == owner["start_time"])
    except (OSError, KeyError, TypeError, ValueError):
        return False


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _start_time(pid: int) -> int:
    """In clock ticks since boot: field 22 of /proc/PID/stat (proc(5)), behind the name, which may hold anything."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
