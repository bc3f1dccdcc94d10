"""The runner's process, started before it is known what to run: it has much to import."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from types import TracebackType
from typing import Self

PATIENCE_S = 10.0
"""How long the runner may take to end after its last word."""


class Runner:
    """A runner, which waits on `end` to be told what to run. It ends where that is closed."""

    def __init__(self) -> None:
        self.end, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            fd = theirs.fileno()
            command = [sys.executable, "-m", "faultbox.run.runner", str(fd), str(os.getpid())]
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # outlives execve: see the runner's main()
            try:
                self.process = subprocess.Popen(command, pass_fds=[fd], stdin=subprocess.DEVNULL)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End it if it still lives."""
        self.end.close()
        try:
            self.process.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
