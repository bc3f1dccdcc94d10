from __future__ import annotations

import pytest

from faultbox.model.syscalls import FAMILIES, VARIANTS, UnknownSyscall, expand, known, names, number, numbers


def test_every_member_and_variant_is_a_system_call() -> None:
    calls = set(names("x86_64").values()) | set(names("aarch64").values())
    assert set().union(*FAMILIES.values()) <= calls
    assert set(VARIANTS).union(*map(set, VARIANTS.values())) <= calls


@pytest.mark.parametrize(
    ("name", "some"),
    [
        (
            "write",
            {"write", "writev", "pwrite64", "sendto", "sendmsg", "sendmmsg", "sendfile", "splice", "copy_file_range"},
        ),
        ("read", {"read", "recvmsg", "preadv2", "sendfile"}),
        ("open", {"open", "openat", "openat2", "creat"}),
        ("openat", {"openat", "openat2"}),
        ("pwrite64", {"pwrite64", "pwritev", "pwritev2"}),
        ("sendto", {"sendto", "sendmsg", "sendmmsg"}),
        ("fdatasync", {"fdatasync"}),
    ],
)
def test_what_a_name_means(name: str, some: set[str]) -> None:
    assert some <= expand(name)
    if name not in FAMILIES:
        assert some == expand(name)


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(UnknownSyscall) as caught:
        expand("opnat")
    assert caught.value.nearest == "openat"


def test_numbers_of_each_architecture() -> None:
    assert (number("openat", "x86_64"), number("openat", "aarch64"), number("openat", "i386")) == (257, 56, 295)
    assert number("open", "aarch64") is None
    assert numbers("stat", "i386") == (106, 195)
    assert {number(name, "x86_64") for name in ("openat2", "clone3")} == {437, 435}


def test_no_number_is_used_twice() -> None:
    for arch in ("x86_64", "aarch64", "i386"):
        every = [each for name in known() - set(FAMILIES) | set(names(arch).values()) for each in numbers(name, arch)]
        assert len(every) == len(set(every)), arch


def test_the_numbers_are_those_of_libseccomp() -> None:
    pyseccomp = pytest.importorskip("pyseccomp", exc_type=ImportError)
    arches = {"x86_64": pyseccomp.Arch.X86_64, "aarch64": pyseccomp.Arch.AARCH64}
    for arch, theirs in arches.items():
        differing = {
            name: (mine, other)
            for mine, name in names(arch).items()
            if (other := pyseccomp.resolve_syscall(theirs, name)) >= 0 and other != mine
        }
        assert differing == {}
