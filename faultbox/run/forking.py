"""How processes of a run come and go together."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from faultbox.link import Link
from faultbox.linux import prctl


def fork(work: Callable[[], None], strangers: Iterable[Link]) -> int:
    """Fork a child of this single-threaded process that does `work` and ends; it dies with this process.

    `strangers` are links of the parent that the child must not keep open. The child leads a session, of
    which its supervisors and services stay members: with CONFIG_SCHED_AUTOGROUP the kernel balances
    sessions against each other (sched(7)), which parted a service with one of its own from its
    supervisor, and a notified call took 28 us in place of 13.
    """
    assert_one_task()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        die_with(parent)
        os.setsid()
        for link in strangers:
            link.close()
        work()
        status = 0
    except BaseException:  # noqa: BLE001 - a child must not run on in its parent's code
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def die_with(parent: int) -> None:
    """Be killed when the parent dies, and now if it has died already."""
    prctl.set_pdeathsig()
    if os.getppid() != parent:
        os._exit(1)


def assert_one_task() -> None:
    """Forking is only safe in a process with one thread, threads of libraries included."""
    tasks = list(Path("/proc/self/task").iterdir())
    if len(tasks) != 1:
        raise RuntimeError(
            f"the runner must have one task to fork safely and has {len(tasks)}: an import started threads"
        )
