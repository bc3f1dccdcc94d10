"""A full disk is told as that, in one sentence with advice, and no service is blamed for it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from faultbox.evidence import place
from faultbox.linux import mounts
from faultbox.model.unfit import Unfit
from faultbox.run import room

SPEC = """\
svc = service("svc", "/bin/sh", args = ["-c", "while :; do echo something; sleep 0.01; done"])

def test_one():
    pass
"""


def full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def chained(cause: BaseException) -> RuntimeError:
    error = RuntimeError("cannot make world")
    error.__cause__ = cause
    return error


def during(context: BaseException) -> RuntimeError:
    error = RuntimeError("and then that")
    error.__context__ = context
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (full(), True),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), "events.jsonl"), True),
        (chained(full()), True),
        (during(full()), True),
        (OSError(errno.ENOSPC, "inotify_add_watch: No space left on device"), False),
        (OSError(errno.EIO, os.strerror(errno.EIO)), False),
        (AssertionError("the service says: [Errno 28] No space left on device"), False),
        (None, False),
    ],
)
def test_which_errors_are_of_a_full_disk(error: BaseException | None, expected: bool) -> None:
    assert room.lacking(error) is expected


def test_nothing_begins_on_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(Unfit, match="no room is left") as caught, room.needed(tmp_path):
        raise full()
    assert caught.value.advice == room.ADVICE
    with pytest.raises(ValueError, match="other"), room.needed(tmp_path):
        raise ValueError("other")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """An empty directory on a file system of half a MiB."""
    directory = tmp_path / "small"
    directory.mkdir()
    mounts.mount("small", directory, "tmpfs", 0, "size=512k")
    yield directory
    mounts.umount(directory)


def run_on(disk: Path, beside: Path) -> subprocess.CompletedProcess[str]:
    (beside / "faultbox.star").write_text(SPEC)
    return subprocess.run(
        [sys.executable, "-m", "faultbox", "test"],
        cwd=beside,
        env=os.environ | {"FAULTBOX_STATE_DIR": str(disk / "state")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.root
def test_a_case_on_a_full_disk_says_so(small: Path, tmp_path: Path) -> None:
    assert room.gone(small)
    done = run_on(small, tmp_path)
    assert done.returncode == 3, done.stdout + done.stderr
    assert f"reason: no room is left on the disk of {small}/state/runs" in done.stdout
    assert "set FAULTBOX_STATE_DIR to a directory that has room  [NO_ROOM]" in done.stdout
    assert "0 passed, 0 failed, 1 errored" in done.stdout
    assert "Bundle: run-" in done.stdout
    assert done.stderr == ""


@pytest.mark.root
def test_a_run_that_finds_no_room_at_all_is_refused(small: Path, tmp_path: Path) -> None:
    state = small / "state"
    state.mkdir(mode=0o700)
    with (small / "ballast").open("wb") as ballast:
        ballast.write(bytes((os.statvfs(small).f_bfree - 1) * os.statvfs(small).f_frsize))
    done = run_on(small, tmp_path)
    assert done.returncode == 3, done.stdout + done.stderr
    assert done.stdout.startswith(f"refused: no room is left on the disk of {state}/runs")
    assert room.ADVICE in done.stdout
    assert done.stderr == ""


@pytest.mark.root
def test_where_not_even_a_directory_can_be_made(small: Path) -> None:
    with (small / "ballast").open("wb") as ballast:
        ballast.write(bytes(os.statvfs(small).f_bfree * os.statvfs(small).f_frsize))
    with pytest.raises(OSError, match=f"no room is left on the disk of {small}/state/runs.*{room.ADVICE}"):
        place.new_run(small / "state")
