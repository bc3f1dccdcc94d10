"""The table of system calls for people: `python -m faultbox.syscalls.reference > docs/reference/syscalls.md`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from faultbox.model.arguments import Shape, shapes
from faultbox.model.syscalls import FAMILIES, VARIANTS, names, number

_INTRODUCTION = """# System calls in specs

Made by `python -m faultbox.syscalls.reference`; edit `faultbox/model/syscalls.py` and `faultbox/model/arguments.py`.

A keyword of `fault()` and `fault_assumption()`, and a string in `op(syscalls=[...])`, is the name of a family, of
a call, or (as a keyword) of an operation of the service. An unknown name is a load error with the nearest one.
The [cheat sheet](../seccomp-cheatsheet.md) says which to choose.

## Families

A family's name means all of its members, on every architecture that has them.
"""

_VARIANTS = """
## Calls with newer variants

Any other name means that call, and with it those that later kernels or C libraries use in its place:
"""

_CALLS = """
## All calls

What a rule can go by: *fd* (`path=` and `on=` look at what the descriptor is open on), *path* (`path=` looks at
the path argument, wherever it is relative to), *address* (destination, or `path=` for Unix sockets). A call with
none of them is met by rules without `path=` and `on=` only. A dash: no such call on that architecture.

| call | x86-64 | arm64 | what rules can go by |
|---|---|---|---|
"""


def reference() -> str:
    """The whole document."""
    families = "\n".join(_row(f"`{name}`", _listed(members)) for name, members in FAMILIES.items())
    variants = "\n".join(_row(f"`{name}`", _listed(newer)) for name, newer in VARIANTS.items() if name not in FAMILIES)
    head = "\n| name | means |\n|---|---|\n"
    calls = "\n".join(_calls())
    return f"{_INTRODUCTION}{head}{families}\n{_VARIANTS}{head}{variants}\n{_CALLS}{calls}\n"


def _calls() -> Iterator[str]:
    for name in sorted({*names("x86_64").values(), *names("aarch64").values()}):
        on_x86, on_arm = number(name, "x86_64"), number(name, "aarch64")
        yield _row(f"`{name}`", _or_dash(on_x86), _or_dash(on_arm), _told_by(shapes().get(name, Shape())))


def _told_by(shape: Shape) -> str:
    found = []
    if shape.fd is not None:
        found.append("fd written, fd read" if shape.source is not None else "fd")
    if shape.paths:
        found.append("two paths" if len(shape.paths) == 2 else "path")
    if shape.address is not None:
        found.append("address")
    return ", ".join(found)


def _listed(members: Iterable[str]) -> str:
    return ", ".join(f"`{member}`" for member in sorted(members))


def _or_dash(value: int | None) -> str:
    return "-" if value is None else str(value)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    import sys

    sys.stdout.write(reference())
