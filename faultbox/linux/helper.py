"""What a forked helper process of ours gives up, so that it lives and dies as its maker's part."""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
from collections.abc import Collection

from faultbox.linux import prctl


def become(name: str, keep: Collection[int], parent: int) -> None:
    """In a fresh fork: end with the parent, ignore what the terminal sends, hold no descriptor but `keep`.

    What the parent had allocated is never looked at by the garbage collector again: its pages stay shared.
    """
    prctl.set_pdeathsig(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
    prctl.set_name(name[:15])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    gc.freeze()
    null = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)
    for fd in [int(each) for each in os.listdir("/proc/self/fd")]:
        if fd > 2 and fd not in keep:
            with contextlib.suppress(OSError):
                os.close(fd)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
