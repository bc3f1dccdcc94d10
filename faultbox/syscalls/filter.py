"""The kernel's half of a supervisor: a BPF program that lets everything pass but the calls a case may fault."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any

from faultbox.model.syscalls import FAMILIES, READERS, WRITERS, Arch, number, numbers

EXECS = ("execve", "execveat")
"""Notified in every filter: a service's own calls begin at its launcher's execve."""
MOVES = ("chroot", "pivot_root", "setns", "unshare", "mount", "move_mount")
"""Notified too, since they change what paths mean."""
IO_URING, AIO = "io_uring_setup", "io_setup"
RINGS = {IO_URING: "io_uring", AIO: "Linux AIO"}
"""Notified where they are to be refused: what is asked for through their rings is never a call."""
_DONE_BY_AIO = READERS | WRITERS | FAMILIES["fsync"]

_I386_NAMES = {
    "stat": ("stat", "stat64"),
    "lstat": ("lstat", "lstat64"),
    "fstat": ("fstat", "fstat64"),
    "newfstatat": ("fstatat64",),
    "mmap": ("mmap", "mmap2"),
    "sendfile": ("sendfile", "sendfile64"),
    "truncate": ("truncate", "truncate64"),
    "ftruncate": ("ftruncate", "ftruncate64"),
}
"""What calls are named on i386, where the C library of today uses another number for them."""


_NO_SUCH_NAME = -1
"""What libseccomp calls a name that is younger than itself; other negative numbers are calls of other machines."""


def native() -> Arch:
    """The architecture that this machine's 64-bit programs use. Raises NotImplementedError."""
    machine = os.uname().machine
    if machine == "x86_64":
        return "x86_64"
    if machine == "aarch64":
        return "aarch64"
    raise NotImplementedError(f"syscall faults need an x86-64 or arm64 machine, this one is {machine}")


@lru_cache(maxsize=256)
def compile(notify: frozenset[str], *, block_io_uring: bool = False, arch: Arch | None = None) -> bytes:  # noqa: A001
    """The filter, as an array of struct sock_filter, that notifies these calls (kernel names).

    32-bit programs on x86-64 have an arm of their own, multiplexed socketcall(2) included; any
    other foreign architecture passes untouched. No descriptor is exempt. `block_io_uring` notifies
    io_uring_setup, for the supervisor to refuse it, and io_setup where io_submit(2) could do what is notified.
    Names that do not exist on the architecture are left out.
    """
    import pyseccomp

    arch = arch or native()
    names = sorted(notify.union(EXECS, MOVES, _rings(notify) if block_io_uring else ()))
    program = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    program.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.ALLOW)
    if arch != native():
        program.remove_arch(pyseccomp.Arch.NATIVE)
        program.add_arch(pyseccomp.Arch.X86_64 if arch == "x86_64" else pyseccomp.Arch.AARCH64)
    unnamed = [name for name in names if pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) == _NO_SUCH_NAME]
    for name in unnamed:
        _add(pyseccomp, program, number(name, arch))
    if arch == "x86_64":
        # libseccomp translates rules by name for each architecture, so calls that it
        # only knows by number must be in before there is a second one
        program.add_arch(pyseccomp.Arch.X86)
    for name in names:
        if name not in unnamed:
            for spelling in _spellings(name, arch):
                _add(pyseccomp, program, spelling)
    with os.fdopen(os.memfd_create("filter", os.MFD_CLOEXEC), "w+b") as file:
        program.export_bpf(file)
        file.seek(0)
        return file.read()


def _rings(notify: frozenset[str]) -> Iterator[str]:
    yield IO_URING
    if notify & _DONE_BY_AIO:
        yield AIO


def _spellings(name: str, arch: Arch) -> Collection[str]:
    if arch == "x86_64" and numbers(name, "i386"):
        return sorted({name, *_I386_NAMES.get(name, ())})
    return (name,) if number(name, arch) is not None else ()


def _add(pyseccomp: Any, program: Any, call: str | int | None) -> None:
    if call is not None:
        program.add_rule(pyseccomp.NOTIFY, call)
