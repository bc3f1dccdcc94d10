"""What can be iterated, and its locks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from faultbox.spec import attributes
from faultbox.spec.broken import Broken
from faultbox.spec.semantics.budget import charge
from faultbox.spec.semantics.errors import EvalError
from faultbox.spec.semantics.values import Dict, Elements, List, Range, adopt, type_name

_CHUNK = 65_536
"""A sequence that is longer pays for its turns as they come, others when the loop begins."""


def elements(value: Any) -> list[Any] | tuple[Any, ...] | range | None:
    """The elements of an iterable value, without locks; None when it can't be iterated."""
    kind = type(value)
    if kind is List or kind is tuple:
        return value  # type: ignore[no-any-return]
    if kind is Dict:
        return value.keys()  # type: ignore[no-any-return]
    if kind is Range or kind is Elements:
        return value.items  # type: ignore[no-any-return]
    if kind is Broken:
        return ()
    host = attributes.of(value)
    if host is not None and host.iterate is not None:
        return [adopt(each) for each in host.iterate(value)]
    return None


def snapshot(value: Any) -> list[Any] | None:
    """A copy of the elements of an iterable value, paid for; None when it can't be iterated."""
    found = elements(value)
    if found is None:
        return None
    charge(len(found))
    if len(found) > _CHUNK * 1024:
        raise EvalError(f"{type_name(value)} of {len(found)} elements is too large to be copied")
    return list(found)


def iterate(value: Any) -> Iterator[Any]:
    """What a `for` statement or clause walks over."""
    kind = type(value)
    if kind is List or kind is Dict:
        return _locked(value)
    found = elements(value)
    if found is None:
        raise EvalError(f"{type_name(value)} value is not iterable")
    if len(found) <= _CHUNK:
        charge(len(found))
        return iter(found)
    return _counted(found)


def _locked(value: List | Dict) -> Iterator[Any]:
    charge(len(value))
    with locked(value):
        yield from value


@contextmanager
def locked(value: Any) -> Iterator[None]:
    """While the block runs, a list or dict can't be changed by specs."""
    if not isinstance(value, List | Dict):
        yield
        return
    value.locks += 1
    try:
        yield
    finally:
        value.locks -= 1


def _counted(items: list[Any] | tuple[Any, ...] | range) -> Iterator[Any]:
    for index, item in enumerate(items):
        if index % _CHUNK == 0:
            charge(_CHUNK)
        yield item


def unpack(value: Any, shape: tuple[Any, ...]) -> Any:
    """The elements of a value that is assigned to a tuple of targets.

    `shape` has an element for each target: a shape where the target is a tuple itself, else None.
    """
    if type(value) is Broken:
        return tuple(unpack(value, part) if part is not None else value for part in shape)
    found = elements(value)
    if found is None:
        raise EvalError(f"got {type_name(value)} in sequence assignment")
    if len(found) != len(shape):
        many = "many" if len(found) > len(shape) else "few"
        raise EvalError(f"too {many} values to unpack (got {len(found)}, want {len(shape)})")
    if not any(shape):
        return found
    return [unpack(each, part) if part is not None else each for each, part in zip(found, shape, strict=True)]


def iterate_unpacking(value: Any, shape: tuple[Any, ...]) -> Iterator[Any]:
    """What a `for` with a tuple of targets walks over."""
    for each in iterate(value):
        yield unpack(each, shape)
