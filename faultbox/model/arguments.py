"""Where system calls carry descriptors, paths and addresses: indices into their six arguments.

From the manual pages of section 2. A call that is not listed acts on nothing that rules can name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Literal, NamedTuple

RESOLVE_NO_SYMLINKS, RESOLVE_IN_ROOT = 0x04, 0x10
AT_SYMLINK_NOFOLLOW, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH = 0x100, 0x400, 0x1000


class PathArgument(NamedTuple):
    """A path, relative to `dirfd` (None: the working directory).

    `follow`: a symlink as the last component is followed, unless bits of the argument `flags` say otherwise. `opens`:
    these are "flags" of open(2), or a struct open_how has "how"; else they are AT_*.
    """

    path: int
    dirfd: int | None = None
    follow: bool = True
    flags: int | None = None
    opens: Literal["", "flags", "how"] = ""


class Shape(NamedTuple):
    """What a call acts on. Of two descriptors, `fd` is written to and `source` is read from.

    `mapped`: on files by their mapping, so that their paths can't be known.
    """

    fd: int | None = None
    source: int | None = None
    paths: tuple[PathArgument, ...] = ()
    address: int | None = None
    size: int | None = None
    mapped: bool = False


_ON_FD = """
    accept accept4 close dup dup2 dup3 epoll_ctl fadvise64 fallocate fchdir fchmod fchown fcntl fdatasync
    fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstatfs fsync ftruncate getdents getdents64
    getpeername getsockname getsockopt ioctl listen lseek preadv preadv2 pwritev pwritev2 readahead readv recvmmsg
    recvmsg sendmmsg sendmsg setsockopt shutdown sync_file_range syncfs vmsplice writev
"""
_ON_FD_WITH_SIZE = "pread64 pwrite64 read recvfrom write"
_ON_PATH = """
    access acct chdir chmod chown chroot creat execve getxattr listxattr removexattr setxattr stat statfs
    swapoff swapon truncate umount2 utime utimes
"""
_ON_LINK = "lchown lgetxattr llistxattr lremovexattr lsetxattr lstat mkdir mknod readlink rmdir unlink"
_AT_PATH = "faccessat fchmodat futimesat"
_AT_LINK = "mkdirat mknodat readlinkat unlinkat"


@cache
def shapes() -> Mapping[str, Shape]:
    """Kernel name to shape."""
    return dict(_plain()) | {
        "bind": Shape(fd=0, address=1),
        "connect": Shape(fd=0, address=1),
        "sendto": Shape(fd=0, address=4, size=2),
        "mmap": Shape(fd=4, size=1),
        "msync": Shape(mapped=True, size=1),
        "sendfile": Shape(fd=0, source=1, size=3),
        "splice": Shape(fd=2, source=0, size=4),
        "tee": Shape(fd=1, source=0, size=2),
        "copy_file_range": Shape(fd=2, source=0, size=4),
        "rename": _links((0, None), (1, None)),
        "renameat": _links((1, 0), (3, 2)),
        "renameat2": _links((1, 0), (3, 2)),
        "link": _links((0, None), (1, None)),
        "linkat": Shape(paths=(PathArgument(1, 0, False, 4), PathArgument(3, 2, False))),  # noqa: FBT003
        "open": Shape(paths=(PathArgument(0, flags=1, opens="flags"),)),
        "openat": Shape(paths=(PathArgument(1, 0, flags=2, opens="flags"),)),
        "openat2": Shape(paths=(PathArgument(1, 0, flags=2, opens="how"),)),
        "symlink": _links((1, None)),
        "symlinkat": _links((2, 1)),
        "mount": Shape(paths=(PathArgument(1),)),
        "inotify_add_watch": Shape(paths=(PathArgument(1),)),
        "newfstatat": _at(flags=3),
        "statx": _at(flags=2),
        "faccessat2": _at(flags=3),
        "fchmodat2": _at(flags=3),
        "fchownat": _at(flags=4),
        "utimensat": _at(flags=3),
        "execveat": _at(flags=4),
        "name_to_handle_at": Shape(paths=(PathArgument(1, 0, False, 4),)),  # noqa: FBT003
    }


def _plain() -> Iterator[tuple[str, Shape]]:
    yield from ((name, Shape(fd=0)) for name in _ON_FD.split())
    yield from ((name, Shape(fd=0, size=2)) for name in _ON_FD_WITH_SIZE.split())
    yield from ((name, Shape(paths=(PathArgument(0),))) for name in _ON_PATH.split())
    yield from ((name, _links((0, None))) for name in _ON_LINK.split())
    yield from ((name, Shape(paths=(PathArgument(1, 0),))) for name in _AT_PATH.split())
    yield from ((name, _links((1, 0))) for name in _AT_LINK.split())


def _links(*arguments: tuple[int, int | None]) -> Shape:
    return Shape(paths=tuple(PathArgument(path, dirfd, follow=False) for path, dirfd in arguments))


def _at(*, flags: int) -> Shape:
    return Shape(paths=(PathArgument(1, 0, flags=flags),))
