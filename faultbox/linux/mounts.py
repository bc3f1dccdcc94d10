"""Mounts: the calls, the table of what is mounted, and overlays."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from faultbox.linux._call import check, libc, number_of, syscall

RDONLY = 1
NOSUID = 2
NODEV = 4
NOEXEC = 8
BIND = 4096
REC = 16384
PRIVATE = 1 << 18
DETACH = 2

_AT_RECURSIVE = 0x8000
_ATTR_RDONLY = 1
_MOUNT_SETATTR = 442

PSEUDO = frozenset(
    {
        *("autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs"),
        *("efivarfs", "fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs"),
        *("securityfs", "selinuxfs", "sysfs", "tracefs"),
    }
)
"""File systems that hold the kernel's state, not files."""


class Mount(NamedTuple):
    """A line of /proc/PID/mountinfo, proc_pid_mountinfo(5). `root` is what part of the file system is shown."""

    id: int
    parent: int
    root: str
    point: str
    options: frozenset[str]
    fstype: str
    source: str
    super_options: frozenset[str]

    @property
    def read_only(self) -> bool:
        return "ro" in self.options or "ro" in self.super_options


class _MountAttributes(ctypes.Structure):
    """struct mount_attr of linux/mount.h."""

    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns_fd")]


def mount(source: str, target: str | os.PathLike[str], fstype: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2)."""
    options = data.encode() if data else None
    words = (source.encode(), os.fsencode(target), fstype.encode() or None, ctypes.c_ulong(flags), options)
    check(libc.mount(*words), f"mount {fstype or source}", target)


def umount(target: str | os.PathLike[str], flags: int = 0) -> None:
    """umount2(2)."""
    check(libc.umount2(os.fsencode(target), flags), "umount", target)


def pivot_root(new: str, put_old: str) -> None:
    """Make `new` the root of this mount namespace. pivot_root(2); "." twice stacks the old root on the new one."""
    number = number_of("pivot_root", {"x86_64": 155, "aarch64": 41})
    syscall("pivot_root", number, new.encode(), put_old.encode(), about=new)


def set_read_only(target: str) -> None:
    """Make a mount and all below it read-only, keeping its other flags. mount_setattr(2), 5.12."""
    attributes = _MountAttributes(set=_ATTR_RDONLY)
    size = ctypes.sizeof(attributes)
    where = (-100, target.encode(), _AT_RECURSIVE)
    syscall("mount_setattr", _MOUNT_SETATTR, *where, ctypes.byref(attributes), size, about=target)


def make_private() -> None:
    """From here on nothing mounted in this mount namespace is seen in others, nor the other way round."""
    mount("none", "/", "", REC | PRIVATE)


def bind(source: str, target: str, *, read_only: bool = False) -> None:
    """Show `source`, and what is mounted below it, at `target`."""
    mount(source, target, "", BIND | REC)
    if read_only:
        set_read_only(target)


def overlay(target: str, lower: Iterable[str], upper: str, work: str, extra: Iterable[str] = ()) -> None:
    """Mount an overlay, topmost lower directory first. overlayfs.rst of the kernel."""
    lowers = ":".join(_escape(each).replace(":", "\\:") for each in lower)
    options = [f"lowerdir={lowers}", f"upperdir={_escape(upper)}", f"workdir={_escape(work)}", *extra]
    mount("overlay", target, "overlay", 0, ",".join(options))


def table(path: str = "/proc/self/mountinfo") -> list[Mount]:
    """What is mounted in a process's mount namespace, in the order of the kernel's list."""
    return parse(Path(path).read_text(encoding="utf-8", errors="surrogateescape"))


def parse(text: str) -> list[Mount]:
    """The lines of a mountinfo file."""
    return [_parse_line(line) for line in text.splitlines() if line]


def _parse_line(line: str) -> Mount:
    before, _, after = line.partition(" - ")
    number, parent, _, root, point, options, *_ = before.split(" ")
    fstype, source, super_options = [*after.split(" "), "", ""][:3]
    return Mount(
        int(number),
        int(parent),
        _unescape(root),
        _unescape(point),
        frozenset(options.split(",")),
        fstype,
        _unescape(source),
        frozenset(super_options.split(",")),
    )


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _escape(path: str) -> str:
    return path.replace("\\", "\\\\").replace(",", "\\,")
