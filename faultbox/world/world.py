"""A world, seen from the process that owns it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path

from faultbox.link import Frame, Link
from faultbox.linux import cgroup, pidfd, process
from faultbox.model.frozen import frozen
from faultbox.model.host import ExitStatus
from faultbox.world import ending, init, network, trust
from faultbox.world.changes import ChangedFile, changed_in
from faultbox.world.command import Command, LaunchError
from faultbox.world.disk import Built, Disk
from faultbox.world.launch import Request, take_listener
from faultbox.world.layout import Frozen, Layout, rmtree
from faultbox.world.processes import Members, ended

_RIGHTS = "worlds need root, or a user namespace entered before; in a container run it privileged"
_CERTAIN_MS = 10_000
"""How long the kernel may take to end a pid namespace."""


class WorldError(Exception):
    """A world could not be made, or its init is gone. The text says what failed."""


@frozen
class Settings:
    """What a world is made of.

    `name`: unique among the worlds of a run, fit for a file name. `cgroup_parent`: a cgroup2 directory in which
    this process may make others; None where there is none. `services`: names that /etc/hosts resolves, to
    127.0.0.1 or as `addresses` says. `volumes`: path in the world to host path, the only writable holes.
    `visible`: host paths to be shown even where they lie in /tmp, /run or /dev/shm. `netns`: a network namespace
    to enter instead of a new one. `trust`: an authority of which programs in it are told.
    """

    name: str
    layout: Layout
    cgroup_parent: Path | None = None
    services: tuple[str, ...] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, str] = field(default_factory=dict)
    visible: tuple[Path, ...] = ()
    hostname: str = "faultbox"
    netns: int | None = None
    trust: trust.Trust | None = None


@frozen
class Process:
    """A launched service: its main process, by pid and pidfd of the host, and its output's read ends.

    Whoever launched it owns `stdout` and `stderr`; the rest belongs to the world. `listener` is the world's own
    descriptor of the filter's listener: while it is open, a supervisor that died leaves callers waiting
    instead of failing every call with ENOSYS.
    """

    service: str
    pid: int
    pidfd: int
    stdout: int
    stderr: int
    listener: int | None = None


@frozen
class Exit:
    """A process of the world ended: a service's main process, or (service "", pid 0) one that was nobody's child."""

    service: str
    pid: int
    status: ExitStatus


class Notices:
    """What init reports. `fileno` polls readable; one thread at a time may drain."""

    def __init__(self, link: Link, processes: dict[int, Process], lock: threading.Lock) -> None:
        self._link = link
        self._processes = processes
        self._lock = lock
        self.lost = False
        """Whether init is gone, and every process of the world with it."""

    def fileno(self) -> int:
        return self._link.fileno()

    def drain(self) -> list[Exit]:
        """The ends that were reported and not yet drained, oldest first. Never waits."""
        found: list[Exit] = []
        for frame in self._link.pending():
            if frame is None:
                self.lost = True
                break
            found.extend(self._exit(pid, status) for pid, status in frame.body)
        return found

    def _exit(self, pid: int, status: int) -> Exit:
        with self._lock:
            ended = self._processes.pop(pid, None)
        if ended is None:
            return Exit("", 0, _exit_status(status))
        return Exit(ended.service, ended.pid, _exit_status(status))


class World:
    """Namespaces, disk, cgroups and processes of one case. Methods may be called from any thread."""

    def __init__(self, settings: Settings, requests: Link, notices: Link, init_pid: int, init_pidfd: int) -> None:
        self.settings = settings
        self.init_pid = init_pid
        self.init_pidfd = init_pidfd
        self._requests = requests
        self._sending = threading.Lock()
        self._launched: dict[str, Process] = {}
        self._by_inner_pid: dict[int, Process] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._frozen = False
        self._built = Built((), frozenset())
        self._notices_link = notices
        self.notices = Notices(notices, self._by_inner_pid, self._lock)
        self.members_of = Members(self.cgroup, init_pid)

    @classmethod
    def open(cls, settings: Settings) -> World:
        """Make a world and enter its network. Call it in a process of one thread; raises WorldError.

        The caller's own network namespace changes (its threads and children to come live in the world's);
        its other namespaces stay.
        """
        process.assert_one_thread()
        if settings.layout.of(settings.name).exists():
            raise WorldError(f"there is a world {settings.name!r} already, or what is left of one")
        world = None
        try:
            network.enter(settings.netns)
            world = cls(settings, *_begin_init(settings))
            world._await_ready()
        except PermissionError as error:
            raise WorldError(f"cannot make world {settings.name!r}: {error} ({_RIGHTS})") from error
        except OSError as error:
            raise WorldError(f"cannot make world {settings.name!r}: {error}") from error
        finally:
            if world is None or not world._built.layers:
                _remove(settings)
        return world

    @property
    def cgroup(self) -> Path | None:
        """The world's cgroup; None where there are none."""
        parent = self.settings.cgroup_parent
        return None if parent is None else parent / self.settings.name

    def launch(
        self,
        command: Command,
        *,
        filter: bytes | None = None,  # noqa: A002
        attach: Callable[[int], None] | None = None,
    ) -> Process:
        """Start a service; returns when its program is being executed. Raises LaunchError or WorldError.

        `filter` is a BPF program that notifies; `attach` gets the listener before the service's first call and
        returns when somebody answers it.
        """
        stdout, out = os.pipe2(os.O_CLOEXEC)
        stderr, err = os.pipe2(os.O_CLOEXEC)
        link, other = Link.pair()
        try:
            self._request(command, filter, [other.fileno(), out, err])
        except BaseException:
            os.close(stdout)
            os.close(stderr)
            link.close()
            raise
        finally:
            for fd in (out, err):
                os.close(fd)
            other.close()
        try:
            return self._follow(command, link, attach, stdout, stderr)
        except BaseException:
            os.close(stdout)
            os.close(stderr)
            raise
        finally:
            link.close()

    def signal(self, process: Process, number: int) -> bool:
        """Whether the main process was still there to be signalled."""
        return pidfd.send_signal(process.pidfd, number)

    def members(self, service: str) -> list[int]:
        """The service's processes, as pids of the host."""
        return self.members_of(service)

    def alive(self, service: str) -> bool:
        """Whether a process of the service is left: the main one, or a daemon that descends from it."""
        launched = self._launched.get(service)
        if launched is not None and not pidfd.wait(launched.pidfd, 0) and not ended(launched.pid):
            return True
        return bool(self.members_of(service))

    def kill(self, service: str) -> None:
        """SIGKILL every process of a service and wait until none is left."""
        ending.kill(self.members_of, service)

    def stop(self, services: Mapping[str, tuple[int, float]]) -> list[str]:
        """End services at once: each gets its signal, and SIGKILL after its timeout (ms). Returns those killed so."""
        mains = {name: self._launched[name].pidfd for name in services if name in self._launched}
        return ending.stop(self.members_of, mains, services)

    def changed(self) -> list[ChangedFile]:
        """The files that this world wrote or removed, by path. Volumes, /dev/shm and what we made are not in it."""
        return changed_in(self._built.layers, self._built.made)

    def freeze(self) -> Frozen:
        """End the world but for its layers, on which later worlds stand until `discard`. Stop its services before."""
        self._end()
        self._frozen = True
        return Frozen(self.settings.layout.of(self.settings.name), self._built.layers)

    def close(self, *, keep: bool = False) -> None:
        """End everything and remove what the world left, but for its layers with `keep`. Safe to call again."""
        self._end()
        if not keep and not self._frozen:
            rmtree(self.settings.layout.of(self.settings.name))

    def _end(self) -> None:
        if self._closed:
            return
        self._closed = True
        pidfd.send_signal(self.init_pidfd, signal.SIGKILL)
        # Init is a zombie only after the kernel has ended and reaped every other process of its pid namespace.
        if not pidfd.wait(self.init_pidfd, _CERTAIN_MS):
            raise ending.WillNotEnd(f"world {self.settings.name!r}: a process of it is left after SIGKILL")
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.init_pid, 0)
        os.close(self.init_pidfd)
        self._requests.close()
        self._notices_link.close()
        for each in self._launched.values():
            _close_descriptors(each)
        if self.cgroup is not None:
            _remove_around_us(self.cgroup)

    def _await_ready(self) -> None:
        frame = self._notices_link.receive()
        if frame is None or frame.kind == "failed":
            self._end()
            reason = "its init was killed" if frame is None else frame.body
            raise WorldError(f"cannot make world {self.settings.name!r}: {reason}")
        self._built = frame.body

    def _request(self, command: Command, filter_: bytes | None, fds: list[int]) -> None:
        place = None
        if self.cgroup is not None:
            place = os.open(cgroup.create(self.members_of.directory(command.service)), os.O_PATH | os.O_CLOEXEC)
            fds = [*fds, place]
        try:
            with self._sending:
                self._requests.send("launch", Request(self._marked(command), filter_, place is not None), fds)
        except (BrokenPipeError, ConnectionResetError):
            raise WorldError(f"cannot start service {command.service!r}: its world's init is gone") from None
        finally:
            if place is not None:
                os.close(place)

    def _marked(self, command: Command) -> Command:
        env = {**command.env, Members.MARK: command.service}
        return Command(command.service, command.argv, env, command.cwd, command.user, command.limits)

    def _follow(
        self, command: Command, link: Link, attach: Callable[[int], None] | None, stdout: int, stderr: int
    ) -> Process:
        """Hear from the child until it has executed its program."""
        frame = link.receive()
        if frame is None or frame.kind == "failed":
            raise _not_begun(command, frame)
        (inner, number), (descriptor,) = frame.body, frame.fds
        listener = None
        if number is not None:
            listener = take_listener(descriptor, number, link)
            if listener is None:
                os.close(descriptor)
                raise _not_begun(command, link.receive())
        launched = Process(command.service, pidfd.pid_of(descriptor), descriptor, stdout, stderr, listener)
        with self._lock:
            self._by_inner_pid[inner] = launched
        try:
            if attach is not None and listener is not None:
                attach(listener)
            link.send("go")
            failed = link.receive()
            if failed is not None:
                raise LaunchError(command, failed.body)
        except BaseException:
            pidfd.send_signal(descriptor, signal.SIGKILL)  # it may be held in a call that nobody will answer
            with self._lock:
                self._by_inner_pid.pop(inner, None)
            _close_descriptors(launched)
            raise
        with self._lock:
            previous, self._launched[command.service] = self._launched.get(command.service), launched
        if previous is not None:
            _close_descriptors(previous)
        return launched


def _not_begun(command: Command, said: Frame | None) -> Exception:
    if said is None:
        return WorldError(f"cannot start service {command.service!r}: its process was killed before it began")
    return LaunchError(command, said.body)


def _disk(settings: Settings) -> Disk:
    volumes = {inside: os.path.realpath(host) for inside, host in settings.volumes.items()}
    hosts = {name: settings.addresses.get(name, "127.0.0.1") for name in settings.services}
    files = trust.files(settings.trust) if settings.trust is not None else {}
    return Disk(settings.name, settings.layout, volumes, settings.visible, hosts, settings.hostname, files)


def _begin_init(settings: Settings) -> tuple[Link, Link, int, int]:
    """Fork init into its namespaces and cgroup: (requests, notices, its pid, its pidfd)."""
    disk = _disk(settings)
    settings.layout.of(settings.name).mkdir(parents=True)
    place = None
    if settings.cgroup_parent is not None:
        own = cgroup.create(settings.cgroup_parent / settings.name / "init")
        place = os.open(own, os.O_PATH | os.O_CLOEXEC)
    requests, init_requests = Link.pair()
    notices, init_notices = Link.pair()
    pid, descriptor = process.clone(init.NAMESPACES, cgroup=place)
    if pid == 0:
        requests.close()
        notices.close()
        init.run(init_requests, init_notices, disk)
    for link in (init_requests, init_notices):
        link.close()
    if place is not None:
        os.close(place)
    return requests, notices, pid, descriptor


def _remove(settings: Settings) -> None:
    """What a world leaves on the host: its cgroups and its layers."""
    if settings.cgroup_parent is not None:
        cgroup.remove(settings.cgroup_parent / settings.name)
    rmtree(settings.layout.of(settings.name))


def _remove_around_us(world: Path) -> None:
    """Remove a world's cgroups, but for one below it that this process itself lives in: that is left to its parent."""
    own = cgroup.own()
    if own is None or world not in own.parents:
        cgroup.remove(world)
        return
    for below in world.iterdir():
        if below.is_dir() and below != own:
            cgroup.remove(below)


def _close_descriptors(launched: Process) -> None:
    for fd in (launched.pidfd, launched.listener):
        if fd is not None:
            with contextlib.suppress(OSError):
                os.close(fd)


def _exit_status(status: int) -> ExitStatus:
    if os.WIFSIGNALED(status):
        return ExitStatus(None, os.WTERMSIG(status))
    return ExitStatus(os.WEXITSTATUS(status), None)
