"""Pid 1 of a world: builds its disk, launches its services, reaps. One thread, no other task.

It answers two links. `requests`: a "launch" frame holds a Request and the descriptors that the
child needs; everything else about that launch goes over the link inside it. `notices`: "ready"
(Built) or "failed" (text) once, then "exits", each a list of (pid in the world, wait status), for every
process that ended, orphans included. It ends when the world does: by PDEATHSIG, or when `requests` closes.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import sys
from collections.abc import Iterator
from typing import NoReturn

from faultbox.link import Frame, Link
from faultbox.linux import namespaces, prctl, process
from faultbox.world import launch
from faultbox.world.command import Failure
from faultbox.world.disk import Built, Disk, DiskError, build

_BATCH = 1_000
"""Ends told in one frame: as many as surely fit into one packet."""

NAMESPACES = namespaces.NEWPID | namespaces.NEWNS | namespaces.NEWIPC | namespaces.NEWUTS


def run(requests: Link, notices: Link, disk: Disk) -> NoReturn:
    """The life of init, in the child of clone(). Never returns."""
    gc.disable()  # a collection would copy every page that is shared with the world
    status = 1
    try:
        prctl.set_pdeathsig()
        prctl.set_name("faultbox-init")
        os.umask(0o022)
        _keep_only({requests.fileno(), notices.fileno(), 2})
        wake = _take_signals()
        try:
            built = build(disk)
        except (OSError, DiskError, NotImplementedError) as error:
            notices.send("failed", str(error))
        else:
            status = _serve(requests, notices, wake, built)
    except Exception:  # noqa: BLE001
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _take_signals() -> int:
    """Handle what would be handled as by a program; the descriptor that polls readable when a child ended."""
    wake, end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(end, warn_on_full_buffer=False)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return wake


def _keep_only(fds: set[int]) -> None:
    """Close what the world had open, so that nothing of it outlives the world in us; no input, no output."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in fds:
            with contextlib.suppress(OSError):
                os.close(int(name))
    null = os.open("/dev/null", os.O_RDWR)
    for fd in {0, 1} - {null}:
        os.dup2(null, fd)


def _serve(requests: Link, notices: Link, wake: int, built: Built) -> int:
    poll = select.poll()
    poll.register(requests.fileno(), select.POLLIN)
    poll.register(wake, select.POLLIN)
    ended: list[tuple[int, int]] = []
    try:
        notices.send("ready", built)
        while True:
            poll.register(notices.fileno(), select.POLLOUT if ended else 0)
            ready = {fd for fd, _ in poll.poll()}
            if wake in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake, 4096)
                ended.extend(_reap())
            if notices.fileno() in ready:
                if not ended:
                    return 0  # hung up
                # Only when there is room: a world that is busy launching may not be listening.
                notices.send("exits", ended[:_BATCH])
                del ended[:_BATCH]
            if requests.fileno() in ready:
                frame = requests.receive()
                if frame is None:
                    return 0
                _launch(frame)
    except (BrokenPipeError, ConnectionResetError):
        return 0  # the world is gone; with us goes everything in it


def _reap() -> Iterator[tuple[int, int]]:
    """(pid, wait status) of every process that has ended."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            yield pid, status


def _launch(frame: Frame) -> None:
    """Begin a child for one request. What goes wrong is told over the request's own link."""
    request: launch.Request = frame.body
    fds = launch.Descriptors.of(frame.fds, in_cgroup=request.in_cgroup)
    link = Link.adopt(fds.link)
    try:
        pid, pidfd = process.clone(cgroup=fds.cgroup)
    except OSError as error:
        with contextlib.suppress(OSError):
            link.send("failed", Failure("fork", error.errno or 0))
    else:
        if pid == 0:
            launch.become_service(request, link, fds)
        os.close(pidfd)
    link.close()
    for fd in fds.rest:
        os.close(fd)
