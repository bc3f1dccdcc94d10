"""System calls by name: the families that specs speak of, and their numbers.

A family name means every call that does the same thing, whatever its age or shape, because a
fault on `write` that misses writev(2), sendmsg(2) or copy_file_range(2) is no fault. Any other
name means that call and its newer variants (settled in docs/reference/syscalls.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Literal

from faultbox.model.syscall_numbers import TABLE

Arch = Literal["x86_64", "aarch64", "i386"]

WRITERS = frozenset(("write", "writev", "pwrite64", "pwritev", "pwritev2", "sendto", "sendmsg", "sendmmsg", "vmsplice"))
"""Calls that only move bytes out."""
READERS = frozenset(("read", "readv", "pread64", "preadv", "preadv2", "recvfrom", "recvmsg", "recvmmsg"))
"""Calls that only move bytes in."""
MOVERS = frozenset(("sendfile", "splice", "tee", "copy_file_range"))
"""Calls that read from one descriptor and write to another without passing through the program."""


WAITS = READERS | frozenset(
    (
        "accept", "accept4", "poll", "ppoll", "select", "pselect6", "epoll_wait", "epoll_pwait", "epoll_pwait2",
        "wait4", "waitid", "futex", "futex_wait", "futex_waitv", "pause", "rt_sigsuspend", "rt_sigtimedwait",
        "io_getevents", "io_pgetevents", "io_uring_enter", "msgrcv", "mq_timedreceive",
    )
)  # fmt: skip
"""Calls in which a thread waits for something to come: until one is over nothing has been done."""


def _families() -> Mapping[str, frozenset[str]]:
    table = {
        "accept": "accept accept4",
        "access": "access faccessat faccessat2",
        "bind": "bind",
        "chdir": "chdir fchdir",
        "chmod": "chmod fchmod fchmodat fchmodat2",
        "chown": "chown fchown lchown fchownat",
        "connect": "connect",
        "dup": "dup dup2 dup3",
        "exec": "execve execveat",
        "fork": "fork vfork clone clone3",
        "fsync": "fsync fdatasync sync_file_range syncfs msync",
        "getdents": "getdents getdents64",
        "kill": "kill tkill tgkill pidfd_send_signal",
        "link": "link linkat",
        "listen": "listen",
        "mkdir": "mkdir mkdirat",
        "mknod": "mknod mknodat",
        "mmap": "mmap",
        "open": "open openat openat2 creat",
        "pipe": "pipe pipe2",
        "poll": "poll ppoll",
        "readlink": "readlink readlinkat",
        "recv": "recvfrom recvmsg recvmmsg",
        "rename": "rename renameat renameat2",
        "rmdir": "rmdir",
        "select": "select pselect6",
        "send": "sendto sendmsg sendmmsg",
        "sleep": "nanosleep clock_nanosleep",
        "stat": "stat lstat fstat newfstatat statx",
        "symlink": "symlink symlinkat",
        "truncate": "truncate ftruncate",
        "unlink": "unlink unlinkat",
        "wait": "wait4 waitid",
    }
    families = {name: frozenset(members.split()) for name, members in table.items()}
    families["write"] = WRITERS | MOVERS
    families["read"] = READERS | MOVERS
    return MappingProxyType(dict(sorted(families.items())))


FAMILIES: Mapping[str, frozenset[str]] = _families()
"""Family name to the kernel names of its members."""

VARIANTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "clone": ("clone3",),
        "dup2": ("dup3",),
        "epoll_create": ("epoll_create1",),
        "epoll_pwait": ("epoll_pwait2",),
        "epoll_wait": ("epoll_pwait", "epoll_pwait2"),
        "eventfd": ("eventfd2",),
        "execve": ("execveat",),
        "faccessat": ("faccessat2",),
        "fchmodat": ("fchmodat2",),
        "getrlimit": ("prlimit64",),
        "inotify_init": ("inotify_init1",),
        "lstat": ("newfstatat", "statx"),
        "mlock": ("mlock2",),
        "nanosleep": ("clock_nanosleep",),
        "newfstatat": ("statx",),
        "openat": ("openat2",),
        "pread64": ("preadv", "preadv2"),
        "preadv": ("preadv2",),
        "pwrite64": ("pwritev", "pwritev2"),
        "pwritev": ("pwritev2",),
        "readv": ("preadv", "preadv2"),
        "recvfrom": ("recvmsg", "recvmmsg"),
        "recvmsg": ("recvmmsg",),
        "renameat": ("renameat2",),
        "sendmsg": ("sendmmsg",),
        "sendto": ("sendmsg", "sendmmsg"),
        "setrlimit": ("prlimit64",),
        "signalfd": ("signalfd4",),
        "utime": ("utimes", "utimensat"),
        "utimes": ("utimensat",),
        "writev": ("pwritev", "pwritev2"),
    }
)
"""Calls that later kernels or C libraries use in place of an older one. Families come before variants."""


_PREFERRED = ("write", "read")
"""Families that other families' members belong to as well: `send` is part of `write`."""


@cache
def _family_by_name() -> Mapping[str, str]:
    by_name: dict[str, str] = {}
    for family in (*_PREFERRED, *FAMILIES):
        for name in FAMILIES[family]:
            by_name.setdefault(name, family)
    return by_name


def family_of(name: str) -> str:
    """The family that events name beside a call; "" where it has none."""
    return _family_by_name().get(name, "")


class UnknownSyscall(ValueError):
    """No system call or family has this name; `nearest` is the most likely one meant ("" if none is)."""

    def __init__(self, name: str, nearest: str) -> None:
        self.name = name
        self.nearest = nearest
        super().__init__(f"unknown system call {name!r}" + (f"; did you mean {nearest!r}?" if nearest else ""))


@cache
def _numbers() -> Mapping[str, tuple[tuple[int, ...], ...]]:
    rows = (line.split() for line in TABLE.splitlines())
    return {name: tuple(_cell(cell) for cell in cells) for name, *cells in rows}


def _cell(cell: str) -> tuple[int, ...]:
    return () if cell == "-" else tuple(int(each) for each in cell.split(","))


@cache
def known() -> frozenset[str]:
    """Every name that `expand` takes: families and system calls."""
    return frozenset(FAMILIES) | frozenset(_numbers())


@cache
def every() -> frozenset[str]:
    """The kernel names of all system calls, of any architecture."""
    return frozenset(_numbers())


@cache
def expand(name: str) -> frozenset[str]:
    """The kernel names that a name in a spec means. Raises UnknownSyscall."""
    if name in FAMILIES:
        return FAMILIES[name]
    if name in _numbers():
        return frozenset((name, *VARIANTS.get(name, ())))
    import difflib

    nearest = difflib.get_close_matches(name, sorted(known()), n=1, cutoff=0.6)
    raise UnknownSyscall(name, nearest[0] if nearest else "")


_COLUMN: Mapping[Arch, int] = {"x86_64": 0, "aarch64": 1, "i386": 2}


def numbers(name: str, arch: Arch) -> tuple[int, ...]:
    """All numbers that a call has on an architecture: none where it does not exist, several only on i386."""
    return _numbers()[name][_COLUMN[arch]]


def number(name: str, arch: Arch) -> int | None:
    """The number of a call on an architecture, None where it does not exist there."""
    return next(iter(numbers(name, arch)), None)


def names(arch: Arch) -> Mapping[int, str]:
    """Number to name on an architecture."""
    return {each: name for name in _numbers() for each in numbers(name, arch)}
