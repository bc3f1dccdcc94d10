"""Rules by the number of the call that they speak of, so that a notification finds its own at once."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from faultbox.linux import vmem
from faultbox.linux.seccomp import AUDIT_ARCH
from faultbox.model.arguments import Shape, shapes
from faultbox.model.fault import RuleSet
from faultbox.model.syscalls import Arch, numbers
from faultbox.rules import Standing, Tally
from faultbox.syscalls.filter import native

_NUMBER_AND_ARCH = struct.Struct("=iI")
_NOTHING = Shape()

_SOCKETCALL = 102
_WORD = 4
_SOCKET_CALLS = {
    2: "bind",
    3: "connect",
    4: "listen",
    5: "accept",
    9: "sendto",
    10: "recvfrom",
    11: "sendto",
    12: "recvfrom",
    13: "shutdown",
    16: "sendmsg",
    17: "recvmsg",
    18: "accept4",
    19: "recvmmsg",
    20: "sendmmsg",
}
"""What socketcall(2) multiplexes; send and recv are sendto and recvfrom without an address."""

_WITHOUT_ADDRESS = (9, 10)


class Prepared(NamedTuple):
    """A call that somebody is interested in.

    `own`: the supervisor has something to do with it besides its rules. `multiplexed`: find out
    which one it is by `Table.behind`.
    """

    name: str
    shape: Shape
    rules: tuple[Standing, ...] = ()
    observed: bool = False
    own: bool = False
    multiplexed: bool = False


class Table:
    """A rule set, prepared. `by_key` finds a call by the 8 bytes of a notification that are number and arch."""

    def __init__(self, ruleset: RuleSet, tally: Tally, *, own: Collection[str] = ()) -> None:
        spoken_of = set().union(ruleset.observed, own, *(rule.syscalls for rule in ruleset.rules))
        self._by_name = {name: _prepared(name, ruleset, tally, name in own) for name in spoken_of}
        self.by_key: Mapping[bytes, Prepared] = {
            key: prepared for name, prepared in self._by_name.items() for key in keys((name,))
        }
        if not spoken_of.isdisjoint(_SOCKET_CALLS.values()):
            multiplexer = Prepared("socketcall", _NOTHING, own=True, multiplexed=True)
            self.by_key = {**self.by_key, _key(_SOCKETCALL, "i386"): multiplexer}

    def behind(self, tid: int, arguments: Sequence[int]) -> tuple[Prepared, Sequence[int]] | None:
        """The call behind socketcall(2) and its arguments, 32-bit words in memory; None if nobody speaks of it."""
        prepared = self._by_name.get(_SOCKET_CALLS.get(arguments[0], ""))
        if prepared is None:
            return None
        words = vmem.read(tid, arguments[1], 6 * _WORD)
        found = [int.from_bytes(words[at : at + _WORD], "little") for at in range(0, 6 * _WORD, _WORD)]
        if arguments[0] in _WITHOUT_ADDRESS:
            found[4:] = [0, 0]
        return prepared, found


def keys(wanted: Collection[str]) -> Iterator[bytes]:
    """The 8 bytes with which notifications of these calls arrive, on every architecture that this machine runs."""
    for arch in _arches():
        for name in wanted:
            for number in numbers(name, arch):
                yield _key(number, arch)


def _prepared(name: str, ruleset: RuleSet, tally: Tally, own: bool) -> Prepared:
    rules = tally.standing(rule for rule in ruleset.rules if name in rule.syscalls)
    return Prepared(name, shapes().get(name, _NOTHING), rules, name in ruleset.observed, own)


def _key(number: int, arch: Arch) -> bytes:
    return _NUMBER_AND_ARCH.pack(number, AUDIT_ARCH[arch])


@lru_cache(maxsize=1)
def _arches() -> tuple[Arch, ...]:
    own = native()
    return (own, "i386") if own == "x86_64" else (own,)
