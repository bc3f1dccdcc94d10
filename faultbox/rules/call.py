"""A call as rules see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from faultbox.model.fault import FdKind, Port, Rule


class Thing(NamedTuple):
    """Something that a call acts on. `path` is "" where it has none (a socket) and None where it can't be known."""

    kind: FdKind
    path: str | None


class Call(Protocol):
    """A call as rules see it. All but `name` may cost, so they are asked for only when a rule needs them."""

    @property
    def name(self) -> str: ...

    @property
    def destination(self) -> Port | None:
        """The interface that a connect goes to, None where it is none of the world's."""
        ...

    @property
    def identity(self) -> str:
        """What the call is, without anything that differs between two runs of one program."""
        ...

    def things(self, rule: Rule) -> Sequence[Thing]:
        """What the call acts on, of those that the rule speaks of; rename has two."""
        ...

    def within(self, path: str, glob: str) -> bool:
        """Whether a path meets a glob whose literal part is resolved as the caller would."""
        ...
