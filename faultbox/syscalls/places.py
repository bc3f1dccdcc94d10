"""Where a service's descriptors and paths lead, as the kernel resolves them for that service.

Everything goes through /proc/TID of the calling thread: its descriptor table, working directory,
root and mounts. Paths are given from the root of its mount namespace, however it is changed by
chroot(2), and a path of a call and a path of a descriptor of one file are equal.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from typing import NamedTuple

from faultbox.linux.fdkind import fd_kind
from faultbox.linux.openat2 import open_in_root
from faultbox.model.fault import FdKind
from faultbox.rules import Thing

_DELETED = " (deleted)"
_OWN = re.compile(r"/proc/(?:self|thread-self)/(fd/\d+|cwd|root|exe)(/.+)?")
"""What of procfs leads somewhere else for each who asks: no symlinks, though they look like some (proc(5))."""
_MOST_DIRECTORIES = 512
_MOST_LINKS = 40
"""Symlinks that may stand in a path, as for the kernel (path_resolution(7))."""


class Located(NamedTuple):
    """Where a literal path leads: `ends`. `missing` is what must not come to exist for that to hold."""

    ends: tuple[str, ...]
    missing: str = ""


class Places:
    """Resolves for all tasks of one service. It holds a descriptor of /proc/TID for each that was lately seen."""

    def __init__(self) -> None:
        self._directories: dict[int, int] = {}
        self._located: dict[tuple[int, str], Located] = {}
        self._settled = True

    def forget(self) -> None:
        """Drop what was learnt of directories: a new rule set looks anew."""
        self._located.clear()
        self._settled = True

    def unsettle(self) -> None:
        """Some task changes its root or mounts: nothing may be remembered until `forget`."""
        self._located.clear()
        self._settled = False

    def descriptor(self, tid: int, fd: int, *, kind: bool) -> Thing:
        """What a descriptor is open on. Without `kind`, everything that has a path is called a file."""
        link = self._link(tid, f"fd/{fd}")
        if link is None:
            return Thing("other", "")
        if not link.startswith("/"):
            return Thing(_kind_by_name(link), "")
        if link.endswith(_DELETED) and not self._is_still_there(tid, fd, link):
            return Thing(self._kind(tid, fd) if kind else "file", None)
        return Thing(self._kind(tid, fd) if kind else "file", link)

    def argument(
        self, tid: int, directory: int | None, path: str, *, follow: bool, confined: bool = False
    ) -> str | None:
        """The absolute path of a path argument, relative to a descriptor or to the working directory (None).

        `confined`: the descriptor stands for the root (RESOLVE_IN_ROOT of openat2(2)).
        """
        beside = "cwd" if directory is None else f"fd/{directory}"
        root = self._open_root(tid, beside if confined else "root")
        if root is None:
            return None
        try:
            if confined:
                path = f"/{path}"
            elif not path.startswith("/"):
                start = self._start(tid, beside)
                if start is None:
                    return None
                path = f"{start}/{path}"
            own = _OWN.fullmatch(path)
            if own is None:
                path = _resolve(root, path, follow, _MOST_LINKS) or ""
                own = _OWN.fullmatch(path)
        finally:
            os.close(root)
        if own is None or not (follow or own[2]):
            return path or None
        return self._own(tid, own, follow=follow)

    def _own(self, tid: int, path: re.Match[str], *, follow: bool) -> str | None:
        """Where a task's own link in procfs leads: asked by us it would be another."""
        name, beyond = path.groups()
        end = self._link(tid, name)
        if end is None or end.endswith(_DELETED):
            return None
        if not end.startswith("/"):
            return path[0]
        return self.argument(tid, None, f"{end}{beyond}", follow=follow) if beyond else end

    def locate(self, tid: int, literal: str) -> tuple[str, ...]:
        """Where a rule's literal path leads in the caller's root: followed to its end, and with a last symlink kept.

        A place without symlinks on the way is remembered until `forget`: symlinks are switched at any
        time. So is one that does not exist, as long as what is missing stays so.
        """
        known = self._located.get((tid, literal))
        if known is not None and not (known.missing and self._exists(tid, known.missing)):
            return known.ends
        ends = (self.argument(tid, None, literal or "/", follow=follow) for follow in (True, False))
        found = tuple(dict.fromkeys(end.rstrip("/") for end in ends if end is not None)) or (literal,)
        if found == (literal,) and self._settled:
            self._located[tid, literal] = Located(found, self._first_missing(tid, literal))
        return found

    def _first_missing(self, tid: int, literal: str) -> str:
        parts = literal.split("/")[1:]
        upwards = ("/" + "/".join(parts[: n + 1]) for n in range(len(parts)))
        return next((path for path in upwards if not self._exists(tid, path)), "")

    def _exists(self, tid: int, path: str) -> bool:
        """Whether something stands there, of which no directory above is a symlink."""
        return os.access(f"root{path}", os.F_OK, dir_fd=self._directory(tid), follow_symlinks=False)

    @property
    def tasks(self) -> tuple[int, ...]:
        """The tasks that were lately looked at."""
        return tuple(self._directories)

    def forget_tasks(self) -> None:
        """Give back what is held of tasks; those that live on are looked up anew."""
        self._located.clear()
        while self._directories:
            os.close(self._directories.popitem()[1])

    # -- /proc/TID

    def _directory(self, tid: int) -> int:
        held = self._directories.get(tid)
        if held is not None:
            return held
        if len(self._directories) >= _MOST_DIRECTORIES:
            os.close(self._directories.pop(next(iter(self._directories))))
        held = self._directories[tid] = os.open(f"/proc/{tid}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return held

    def _link(self, tid: int, name: str) -> str | None:
        try:
            return os.readlink(name, dir_fd=self._directories[tid])
        except (KeyError, OSError):
            self._forget_task(tid)
        with contextlib.suppress(OSError):
            return os.readlink(name, dir_fd=self._directory(tid))
        return None

    def _open_root(self, tid: int, name: str) -> int | None:
        for _ in range(2):
            try:
                return os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._directory(tid))
            except OSError:
                self._forget_task(tid)
        return None

    def _forget_task(self, tid: int) -> None:
        """What is held may belong to an earlier task with the same number: it fails with ESRCH ever after."""
        held = self._directories.pop(tid, None)
        if held is not None:
            os.close(held)
        for key in [key for key in self._located if key[0] == tid]:
            del self._located[key]

    def _start(self, tid: int, name: str) -> str | None:
        """A directory of the caller, as a path in its root; None where it is outside or deleted."""
        start, root = self._link(tid, name), self._link(tid, "root")
        if start is None or root is None or not start.startswith("/") or start.endswith(_DELETED):
            return None
        if root == "/":
            return start
        if start == root or start.startswith(f"{root}/"):
            return start[len(root) :] or "/"
        return None

    def _kind(self, tid: int, fd: int) -> FdKind:
        with contextlib.suppress(OSError):
            status = os.stat(f"fd/{fd}", dir_fd=self._directory(tid))
            return fd_kind(status.st_mode, os.major(status.st_rdev))
        return "other"

    def _is_still_there(self, tid: int, fd: int, link: str) -> bool:
        """A file may really be called "x (deleted)"."""
        with contextlib.suppress(OSError):
            own = self._directory(tid)
            return os.path.samestat(os.stat(f"fd/{fd}", dir_fd=own), os.lstat(f"/proc/{tid}/root{link}"))
        return False


def _resolve(root: int, path: str, follow: bool, links: int) -> str | None:
    """`path` from `root`; components that do not exist yet stand as they are written."""
    path = path.rstrip("/") or "/"
    flags = 0 if follow else os.O_NOFOLLOW
    try:
        return _name(open_in_root(root, path, flags))
    except OSError as error:
        if error.errno != errno.ENOENT or links == 0:
            return None
    parent, _, last = path.rpartition("/")
    if last in (".", ".."):
        return None
    target = _dangling(root, path) if follow else None
    if target is not None:
        return _resolve(root, target if target.startswith("/") else f"{parent}/{target}", follow, links - 1)
    above = _resolve(root, parent or "/", True, links)  # noqa: FBT003
    return None if above is None else f"{above.rstrip('/')}/{last}"


def _dangling(root: int, path: str) -> str | None:
    """Where a symlink points whose end does not exist."""
    try:
        fd = open_in_root(root, path, os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        return os.readlink("", dir_fd=fd)
    except OSError:
        return None
    finally:
        os.close(fd)


def _name(fd: int) -> str | None:
    try:
        name = os.readlink(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)
    return None if name.endswith(_DELETED) else name


def _kind_by_name(link: str) -> FdKind:
    if link.startswith("socket:"):
        return "socket"
    return "pipe" if link.startswith("pipe:") else "other"
