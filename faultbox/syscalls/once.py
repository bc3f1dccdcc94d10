"""`functools.cached_property` for objects of one thread: before Python 3.12 that one takes a lock, 1 µs each time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class once(Generic[Value]):  # noqa: N801 - used as a decorator
    """A property that is found out when it is first asked for; the instance's attribute from then on."""

    def __init__(self, find: Callable[[Any], Value]) -> None:
        self._find = find
        self._name = find.__name__
        self.__doc__ = find.__doc__

    def __get__(self, instance: Any, owner: type) -> Value:
        value = instance.__dict__[self._name] = self._find(instance)
        return value
