"""What services do that no event tells of: what they ask for through rings, and calls by the 32-bit tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from faultbox.linux import bpf
from faultbox.model.observation import Watch
from faultbox.model.syscalls import FAMILIES, number, numbers
from faultbox.observe import layout
from faultbox.observe.programs import machine

TYPES = frozenset(("syscall", "file"))
"""Of which types the events are that are missing for it."""
_COMPAT = 0x8000
"""In the key of totals: the call is of a 32-bit table."""
_IN_EVERY_PROGRAM = ("brk", "mmap", "rt_sigaction", "openat", "open", "read", "write", "close", "exit_group")
"""Of which a 32-bit program makes one at least, before it does anything else or in doing it."""


def _calls(words: str) -> frozenset[str]:
    return frozenset().union(*(FAMILIES.get(word, (word,)) for word in words.split()))


_BY_URING = """
    accept bind close connect epoll_ctl epoll_wait fadvise64 fallocate fgetxattr fsetxattr fsync futex getxattr link
    listen madvise mkdir open pipe poll read rename rmdir setxattr shutdown socket stat symlink truncate unlink wait
    write
"""
_RINGS: Mapping[str, tuple[str, frozenset[str]]] = {
    "io_setup": ("Linux AIO", _calls("fsync poll read write")),
    "io_uring_setup": ("an io_uring", _calls(_BY_URING)),
}
"""What sets a ring up, what people call it, and the calls that it makes needless (io_submit(2), io_uring_enter(2))."""


def unseen(counts: int, lanes: Mapping[str, Watch]) -> str:
    """What services of whom calls or files are watched do beyond that, by the map of totals; "" when nothing.

    `lanes` are in the order of their numbers.
    """
    found = (
        f"{name} {what}, which no event tells of"
        for place, (name, watch) in enumerate(lanes.items())
        if watch.calls or watch.files
        for what in _ways(counts, place << 16, watch)
    )
    return "; ".join(found)


def _ways(counts: int, lane: int, watch: Watch) -> Iterator[str]:
    for setup, (called, replaced) in _RINGS.items():
        nr = number(setup, machine())
        if nr is not None and (watch.files or watch.calls & replaced) and _succeeded(counts, lane | nr):
            yield f"does I/O through {called}"
    if machine() == "x86_64":
        keys = (lane | _COMPAT | nr for name in _IN_EVERY_PROGRAM for nr in numbers(name, "i386"))
        if any(_succeeded(counts, key) for key in keys):
            yield "runs a 32-bit program"


def _succeeded(counts: int, key: int) -> bool:
    value = bpf.lookup(counts, layout.INDEX.pack(key), layout.TOTAL.size * bpf.processors())
    return value is not None and any(calls > errors for calls, errors, *_ in layout.TOTAL.iter_unpack(value))
