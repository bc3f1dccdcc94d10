"""From a child of init to a running service.

The child's main thread never has a filter. Where the service gets one, a thread of the child
installs it on itself alone, the main thread hands the listener to the world and waits for its
word, and then the filtered thread executes the program: exec from any thread takes over the pid
(execve(2)), and the filter stays with it. So no call of the service escapes its filter, and no
call of ours is caught in it while nobody answers.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import resource
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from faultbox.link import Link
from faultbox.linux import process, seccomp
from faultbox.model.frozen import frozen
from faultbox.world.command import Command, Failure

_OOM_SCORE = "500"
"""Where memory runs out, services go before the processes that watch them."""


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


class _Stop(Exception):
    def __init__(self, failure: Failure) -> None:
        self.failure = failure


def become_service(request: Request, link: Link, fds: Descriptors) -> NoReturn:
    """The life of the child: tells the world that it is there, waits for "go", executes."""
    try:
        try:
            identity = _prepare(request.command, fds)
            if request.filter is None:
                _announce(link, [])
                _execute(request.command, identity)
            else:
                _execute_filtered(request, identity, link)
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


def _announce(link: Link, listener: list[int]) -> None:
    pidfd = os.pidfd_open(os.getpid())
    link.send("here", os.getpid(), [pidfd, *listener])
    if link.receive() is None:
        os._exit(127)


def _execute_filtered(request: Request, identity: tuple[int, int, list[int]] | None, link: Link) -> None:
    listeners: list[int] = []
    stops: list[_Stop] = []
    installed, go = threading.Event(), threading.Event()

    def filtered() -> None:
        try:
            with _step("filter"):
                listeners.append(seccomp.install(request.filter or b""))
            installed.set()
            go.wait()
            _execute(request.command, identity)
        except _Stop as stop:
            stops.append(stop)
            installed.set()

    thread = threading.Thread(target=filtered, daemon=True)
    thread.start()
    installed.wait()
    if not stops:
        _announce(link, listeners)
        os.close(listeners[0])
        go.set()
    thread.join()
    raise stops[0]


def _execute(command: Command, identity: tuple[int, int, list[int]] | None) -> NoReturn:
    """Become the program. Runs in the thread whose filter it keeps."""
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
