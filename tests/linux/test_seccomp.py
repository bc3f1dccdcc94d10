from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable

import pytest

from faultbox.linux import seccomp

ALLOW_ALL = struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000)


def in_a_child(body: Callable[[], int]) -> int:
    """The exit code of a child that runs this."""
    pid = os.fork()
    if pid == 0:
        code = 255
        try:
            code = body()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_this_kernel_is_found_to_be_what_the_tests_need() -> None:
    assert seccomp.supported()
    assert seccomp.support().reason == ""


def test_an_unprivileged_thread_installs_with_no_new_privs() -> None:
    def body() -> int:
        if os.geteuid() == 0:
            os.setresuid(65534, 65534, 65534)
        try:
            seccomp.install(ALLOW_ALL)
        except OSError as error:
            return 1 if error.errno != errno.EACCES else 0 * seccomp.install(ALLOW_ALL, no_new_privs=True)
        return 2

    assert in_a_child(body) == 0


@pytest.mark.root
def test_a_second_listener_is_refused_in_words() -> None:
    def body() -> int:
        seccomp.install(ALLOW_ALL)
        try:
            seccomp.install(ALLOW_ALL)
        except OSError as error:
            return 0 if error.errno == errno.EBUSY and "listener already" in str(error) else 1
        return 2

    assert in_a_child(body) == 0


@pytest.mark.root
def test_a_senseless_program_is_refused() -> None:
    def body() -> int:
        try:
            seccomp.install(b"\0" * 8)
        except OSError as error:
            return 0 if error.errno == errno.EINVAL else 1
        return 2

    assert in_a_child(body) == 0
