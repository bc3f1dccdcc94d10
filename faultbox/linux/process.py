"""Making processes where os.fork() is not enough: into a cgroup, into namespaces, with a pidfd."""

from __future__ import annotations

import ctypes
import os
import signal

from faultbox.linux._call import check, holding_gil, number_of, syscall

CLONE_PIDFD = 0x00001000
CLONE_INTO_CGROUP = 0x200000000

_CLONE3 = 435


class _CloneArguments(ctypes.Structure):
    """struct clone_args of linux/sched.h, as of 5.7."""

    _fields_ = [
        (name, ctypes.c_uint64)
        for name in (
            "flags",
            "pidfd",
            "child_tid",
            "parent_tid",
            "exit_signal",
            "stack",
            "stack_size",
            "tls",
            "set_tid",
            "set_tid_size",
            "cgroup",
        )
    ]


def clone(namespaces: int = 0, cgroup: int | None = None) -> tuple[int, int]:
    """Fork as clone3(2) does: (pid, pidfd) in the parent, (0, -1) in the child.

    `namespaces` are CLONE_NEW* flags for the child alone, `cgroup` a descriptor of the cgroup2
    directory it begins in (5.7). Beginning there costs nothing; moving there later costs an RCU
    grace period, 10 ms on an idle machine. libc's and Python's fork handlers do not run, which
    is sound only in a process of one thread: asserted.
    """
    assert_one_thread()
    pidfd = ctypes.c_int(-1)
    arguments = _CloneArguments(
        flags=namespaces | CLONE_PIDFD | (CLONE_INTO_CGROUP if cgroup is not None else 0),
        pidfd=ctypes.addressof(pidfd),
        exit_signal=signal.SIGCHLD,
        cgroup=cgroup or 0,
    )
    size = ctypes.c_size_t(ctypes.sizeof(arguments))
    result = holding_gil.syscall(ctypes.c_long(_CLONE3), ctypes.byref(arguments), size)
    pid = check(result, "clone3")
    return (pid, pidfd.value) if pid else (0, -1)


def assert_one_thread() -> None:
    """Raise RuntimeError where this process has another thread."""
    if len(os.listdir("/proc/self/task")) != 1:
        raise RuntimeError("a process with several threads can't be forked safely")


def become(uid: int, gid: int, groups: list[int]) -> None:
    """Give up this *thread's* identity for good. libc's own functions would change every thread's."""
    array = (ctypes.c_uint32 * len(groups))(*groups)
    syscall("setgroups", number_of("setgroups", {"x86_64": 116, "aarch64": 159}), len(groups), array)
    syscall("setresgid", number_of("setresgid", {"x86_64": 119, "aarch64": 149}), gid, gid, gid)
    syscall("setresuid", number_of("setresuid", {"x86_64": 117, "aarch64": 147}), uid, uid, uid)
