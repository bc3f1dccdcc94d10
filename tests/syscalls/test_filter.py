from __future__ import annotations

import struct
import subprocess
from typing import Any

import pytest

from faultbox.model.arguments import shapes
from faultbox.model.syscalls import FAMILIES, names, number
from faultbox.syscalls import compile  # noqa: A004

USER_NOTIF = 0x7FC00000


def compared(program: bytes) -> set[int]:
    """The constants that a program compares with (BPF_JMP|BPF_JEQ|BPF_K)."""
    return {k for code, _, _, k in struct.iter_unpack("=HBBI", program) if code == 0x15}


def returned(program: bytes) -> set[int]:
    return {k for code, _, _, k in struct.iter_unpack("=HBBI", program) if code == 0x06}


def test_only_what_is_asked_for_is_notified() -> None:
    program = compile(frozenset(("write",)), arch="x86_64")
    assert {1, 59} <= compared(program)
    assert 0 not in compared(program)
    assert returned(program) == {USER_NOTIF, 0x7FFF0000}


def test_nothing_is_killed_on_a_foreign_architecture() -> None:
    assert returned(compile(FAMILIES["open"])) == {USER_NOTIF, 0x7FFF0000}


def test_32_bit_numbers_are_in_an_arm_of_their_own() -> None:
    program = compile(frozenset(("stat", "connect")), arch="x86_64")
    assert {4, 42, 106, 195, 362, 102} <= compared(program)


def test_arm64_has_its_own_numbers() -> None:
    program = compile(FAMILIES["open"], arch="aarch64")
    assert {56, 437} <= compared(program)
    assert 257 not in compared(program)


def test_io_uring_is_notified_when_it_is_to_be_blocked() -> None:
    assert 425 in compared(compile(frozenset(), block_io_uring=True))
    assert 425 not in compared(compile(frozenset()))


def test_linux_aio_is_notified_where_it_could_do_what_is_notified() -> None:
    io_setup = number("io_setup", "x86_64")
    for calls in (FAMILIES["write"], frozenset(("pread64",)), frozenset(("fdatasync",))):
        assert io_setup in compared(compile(calls, block_io_uring=True, arch="x86_64"))
        assert io_setup not in compared(compile(calls, arch="x86_64"))
    assert io_setup not in compared(compile(frozenset(("connect",)), block_io_uring=True, arch="x86_64"))


def test_every_call_of_this_machine_can_be_notified() -> None:
    assert len(compile(frozenset(names("x86_64").values()), arch="x86_64")) % 8 == 0


def test_a_call_younger_than_libseccomp_is_notified_by_number() -> None:
    assert number("mseal", "x86_64") in compared(compile(frozenset(("mseal",)), arch="x86_64"))


def test_compiling_the_same_again_costs_nothing() -> None:
    assert compile(FAMILIES["read"]) is compile(FAMILIES["read"])


def test_every_shape_is_of_a_call_that_exists() -> None:
    known = set(names("x86_64").values()) | set(names("aarch64").values())
    assert set(shapes()) <= known
    of_descriptors = FAMILIES["write"] | FAMILIES["read"]
    assert all(shapes()[name].fd is not None for name in of_descriptors)


@pytest.mark.root
def test_a_call_that_is_not_in_the_filter_is_never_told(stand: Any) -> None:
    kit = stand(notify=["mkdir"])
    status, out, _ = kit.run("/bin/sh", "-c", "grep Seccomp: /proc/self/status")
    assert (status, out.split()) == (0, ["Seccomp:", "2"])
    assert kit.events() == []
    assert subprocess.run(
        ["/bin/grep", "Seccomp:", "/proc/self/status"], capture_output=True, check=True
    ).stdout.split() == [
        b"Seccomp:",
        b"0",
    ]
