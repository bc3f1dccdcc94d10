"""From a child of init to a running service.

Where the service gets a filter, the child installs it and does nothing that anybody waits for until
its listener is served: the world takes the listener out of the child (pidfd_getfd(2)). The child
can't hand it over, since whatever it does from then on, waking another thread of its own included,
may be a call that is held until somebody answers. So no call of the service escapes its filter.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from faultbox.link import Link
from faultbox.linux import pidfd, process, seccomp
from faultbox.model.frozen import frozen
from faultbox.world.command import Command, Failure

_OOM_SCORE = "500"
"""Where memory runs out, services go before the processes that watch them."""
_LOOK_S = 0.0001
"""Installing a filter takes as long as compiling it does in the kernel, some 0.2 ms."""


@frozen
class Request:
    """A command as init gets it. `filter` is a BPF program or None."""

    command: Command
    filter: bytes | None
    in_cgroup: bool


@frozen
class Descriptors:
    """The descriptors that travel with a Request, in the order they are sent."""

    link: int
    stdout: int
    stderr: int
    cgroup: int | None

    @classmethod
    def of(cls, fds: Sequence[int], *, in_cgroup: bool) -> Descriptors:
        return cls(fds[0], fds[1], fds[2], fds[3] if in_cgroup else None)

    @property
    def rest(self) -> tuple[int, ...]:
        """All but the link's."""
        return (self.stdout, self.stderr, *(() if self.cgroup is None else (self.cgroup,)))


def take_listener(child: int, number: int, link: Link) -> int | None:
    """The listener of a child that is about to have one, by its pidfd; None where it said or did something else.

    Nothing tells that it is there: it is looked for. Raises OSError.
    """
    poll = select.poll()
    poll.register(child, select.POLLIN)
    poll.register(link.fileno(), select.POLLIN)
    while True:
        with _expected(errno.EBADF, errno.ESRCH):
            return pidfd.getfd(child, number)
        if poll.poll(0):
            return None
        time.sleep(_LOOK_S)


@contextlib.contextmanager
def _expected(*codes: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in codes:
            raise


class _Stop(Exception):
    def __init__(self, failure: Failure) -> None:
        self.failure = failure


def become_service(request: Request, link: Link, fds: Descriptors) -> NoReturn:
    """The life of the child: tells the world that it is there, waits for "go", executes."""
    try:
        try:
            identity = _prepare(request.command, fds)
            _announce(link, filtered=request.filter is not None)
            if request.filter is not None:
                with _step("filter"):
                    seccomp.install(request.filter)
            _await_go(link)
            _execute(request.command, identity)
        except _Stop as stop:
            link.send("failed", stop.failure)
            link.receive()  # until the world has taken note: only then init may report our end
    except Exception:  # noqa: BLE001
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(127)


def _prepare(command: Command, fds: Descriptors) -> tuple[int, int, list[int]] | None:
    signal.set_wakeup_fd(-1)
    for number in signal.Signals:
        if signal.getsignal(number) != signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
    os.setpgid(0, 0)  # a group, not a session: a world is one, for its scheduling
    null = os.open("/dev/null", os.O_RDONLY)
    for fd, target in ((null, 0), (fds.stdout, 1), (fds.stderr, 2)):
        os.dup2(fd, target)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="utf-8")
    for name, value in command.limits.items():
        with _step(f"limits {name}"):
            resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), (value, value))
    if not command.user:
        return None
    identity = _identity(command.user)
    with _step("user", command.user):
        for fd in (1, 2):  # so that it may open /dev/stdout, as programs in containers like to
            os.fchown(fd, identity[0], identity[1])
    return identity


def _identity(user: str) -> tuple[int, int, list[int]]:
    """(uid, gid, groups) of a user as this world's /etc/passwd has it."""
    name, _, group = user.partition(":")
    try:
        entry = pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
    except KeyError:
        if not name.isdigit():
            raise _Stop(Failure("user", errno.ENOENT, name)) from None
        return int(name), _gid(group, int(name)), []
    gid = _gid(group, entry.pw_gid)
    return entry.pw_uid, gid, os.getgrouplist(entry.pw_name, gid)


def _gid(group: str, default: int) -> int:
    if not group:
        return default
    try:
        return int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    except KeyError:
        raise _Stop(Failure("group", errno.ENOENT, group)) from None


def _announce(link: Link, *, filtered: bool) -> None:
    """Say who we are, and where our listener will be: at the lowest number that is free (seccomp(2))."""
    descriptor = pidfd.open(os.getpid())
    number = None
    if filtered:
        number = os.dup(descriptor)
        os.close(number)
    link.send("here", (os.getpid(), number), [descriptor])


def _await_go(link: Link) -> None:
    if link.receive() is None:
        os._exit(127)


def _execute(command: Command, identity: tuple[int, int, list[int]] | None) -> NoReturn:
    """Become the program. Where there is a filter, all of this meets it already."""
    if identity is not None:
        with _step("user", command.user):
            process.become(*identity)
    if command.cwd:
        with _step("cwd", command.cwd):
            os.chdir(command.cwd)
    program = command.argv[0]
    paths = [program] if "/" in program else _search(program, command.env.get("PATH", os.defpath))
    with _step("exec", program):
        for path in paths:
            try:
                os.execve(path, command.argv, command.env)
            except OSError as error:
                if path is paths[-1] or error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
                    raise _Stop(Failure("exec", error.errno or 0, _why(path, error.errno or 0))) from None
    raise _Stop(Failure("exec", errno.ENOENT, ""))


def _search(program: str, path: str) -> list[str]:
    """Where execvp(3) would look, what is there first."""
    places = [os.path.join(each or ".", program) for each in path.split(":")]
    return [each for each in places if os.path.exists(each)] or places[:1]


def _why(path: str, code: int) -> str:
    """What the error of execve does not say: a missing interpreter, an unreadable directory, no #! line."""
    if not os.path.exists(path):
        return ""
    if code == errno.EACCES:
        if os.path.isdir(path):
            return "it is a directory"
        return "" if os.access(path, os.X_OK, effective_ids=True) else "it is not executable"
    with contextlib.suppress(OSError), Path(path).open("rb") as file:
        start = file.read(4096)
        if code == errno.ENOENT and start[:2] == b"#!":
            return f"interpreter {start[2:].split(chr(10).encode())[0].split()[0].decode(errors='replace')}"
        if code == errno.ENOENT and start[:4] == b"\x7fELF":
            return "loader"
    return ""


@contextlib.contextmanager
def _step(name: str, detail: str = "") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _Stop(Failure(name, error.errno or 0, detail or str(error))) from None
    except (ValueError, AttributeError) as error:
        raise _Stop(Failure(name, errno.EINVAL, detail or str(error))) from None
