"""The value of an expression whose problem has been reported already."""

from __future__ import annotations


class Broken:
    """Stands for a value that could not be made, so that a load can go on and find further problems.

    Its attributes, calls, items and the results of operators are Broken again, it is empty when
    iterated and false when tested; using it is never a problem of its own.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "<broken>"

    def __bool__(self) -> bool:
        return False


BROKEN = Broken()
