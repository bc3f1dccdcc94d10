"""Processes by descriptor: never the wrong one, and its end polls readable."""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path

from faultbox.linux._call import syscall

_PIDFD_GETFD = 438


def open(pid: int) -> int:  # noqa: A001
    """A close-on-exec descriptor of a process. Raises ProcessLookupError. pidfd_open(2), 5.3."""
    return os.pidfd_open(pid)


def send_signal(pidfd: int, number: int) -> bool:
    """Whether the process was still there to be signalled."""
    try:
        signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        return False
    return True


def getfd(pidfd: int, fd: int) -> int:
    """Our own descriptor of what the process has open as `fd`. pidfd_getfd(2), 5.6; needs ptrace rights."""
    return syscall("pidfd_getfd", _PIDFD_GETFD, pidfd, fd, 0)


def wait(pidfd: int, timeout_ms: float | None = None) -> bool:
    """Wait for the end of a process (ours or not); whether it came in time."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(timeout_ms))


def pid_of(pidfd: int) -> int:
    """Its pid as this process's /proc counts; -1 once it has been reaped."""
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text(encoding="utf-8").splitlines():
        if line.startswith("Pid:"):
            return int(line.split()[1])
    raise OSError(f"descriptor {pidfd} is no pidfd")
