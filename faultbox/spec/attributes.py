"""What specs may see of host objects: their type's name, attributes and operators.

Nothing of a Python object is visible in a spec unless it was registered here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from faultbox.model.frozen import frozen


@frozen
class HostType:
    """How objects of one Python class behave in specs; the callbacks get the object first.

    `get` raises AttributeError for an unknown name. `call(obj, site, args, kwargs)`.
    `compare(obj, op, other)` answers `==`, `<`, ... or NotImplemented; without it objects are
    equal when Python says so. `getitem(obj, key)` raises KeyError, IndexError or EvalError.
    `text` is str() and repr().
    """

    name: str
    get: Callable[[Any, str], object]
    names: Callable[[Any], Iterable[str]]
    call: Callable[..., object] | None = None
    truth: Callable[[Any], bool] | None = None
    compare: Callable[[Any, str, object], object] | None = None
    text: Callable[[Any], str] | None = None
    getitem: Callable[[Any, object], object] | None = None
    iterate: Callable[[Any], Iterable[object]] | None = None
    hashable: bool = True


_types: dict[type, HostType] = {}
_resolved: dict[type, HostType | None] = {}


def register(
    cls: type,
    *,
    name: str,
    get: Callable[[Any, str], object],
    names: Callable[[Any], Iterable[str]],
    call: Callable[..., object] | None = None,
    truth: Callable[[Any], bool] | None = None,
    compare: Callable[[Any, str, object], object] | None = None,
    text: Callable[[Any], str] | None = None,
    getitem: Callable[[Any, object], object] | None = None,
    iterate: Callable[[Any], Iterable[object]] | None = None,
    hashable: bool = True,
) -> None:
    """Make objects of `cls` (and its subclasses) usable in specs. See HostType for the callbacks."""
    _types[cls] = HostType(name, get, names, call, truth, compare, text, getitem, iterate, hashable)
    _resolved.clear()


def of(value: object) -> HostType | None:
    """How this object behaves in specs, or None when its class was never registered."""
    cls = type(value)
    try:
        return _resolved[cls]
    except KeyError:
        found = next((_types[base] for base in cls.__mro__ if base in _types), None)
        _resolved[cls] = found
        return found
