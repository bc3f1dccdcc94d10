"""How much work a spec may do while it loads.

Starlark has no `while` and no recursion, so every program ends, but ten nested loops end after the
universe. A load therefore has a number of steps; a scenario has its case's time limit instead.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from faultbox.spec.semantics.errors import EvalError

LOAD_STEPS = 5_000_000
"""A step is a turn of an empty loop, an element of a list or four bytes of a string: some 100 ns or bytes."""
CALL_STEPS = 10
"""A call costs about as much time as ten turns of an empty loop."""
MAX_ALLOCATION = 1 << 30
"""Bytes (or elements) above which starlark-go refuses to repeat a value."""
MAX_INT_BITS = 1 << 16


class _Thread(threading.local):
    left: int | None = None


_thread = _Thread()


def charge(steps: int) -> None:
    """Count work. Raises EvalError when this thread loads a spec and has used all its steps."""
    left = _thread.left
    if left is None:
        return
    left -= steps
    _thread.left = left
    if left < 0:
        raise EvalError("the spec does too much work while loading (its loops are endless or far too long)")


@contextmanager
def limited(steps: int = LOAD_STEPS) -> Iterator[None]:
    """While the block runs, this thread may do `steps` of work."""
    before = _thread.left
    _thread.left = steps
    try:
        yield
    finally:
        _thread.left = before


def allocate(size: int) -> None:
    """Count the making of a string or bytes of that size (of lists and the like, charge() the elements)."""
    charge(size >> 2)


def spent() -> bool:
    """Whether this thread has used all its steps."""
    return _thread.left is not None and _thread.left < 0
