"""The values of Starlark that Python has no type for, and what all values have in common.

None, bool, int, float, bytes and tuple are Python's. A string is a Python str whose invalid UTF-8
bytes are surrogate escapes; its elements are the bytes of its UTF-8 form. Lists and dicts are
subclasses of Python's that can be frozen and are locked while they are iterated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from faultbox.spec import attributes
from faultbox.spec.broken import Broken
from faultbox.spec.builtin import Builtin
from faultbox.spec.semantics.budget import charge
from faultbox.spec.semantics.errors import EvalError


class List(list[Any]):
    """A Starlark list. `frozen` and `locks` forbid changes made through Starlark."""

    __slots__ = ("frozen", "locks")

    def __init__(self, items: Iterable[Any] = ()) -> None:
        super().__init__(items)
        self.frozen = False
        self.locks = 0

    def check_mutable(self, verb: str) -> None:
        """Raise EvalError unless the list may be changed now."""
        if self.frozen:
            raise EvalError(f"cannot {verb} frozen list")
        if self.locks:
            raise EvalError(f"cannot {verb} list during iteration")

    def freeze(self) -> None:
        """Forbid changes to the list and all that it holds."""
        freeze(self)

    def __eq__(self, other: object) -> bool:
        from faultbox.spec.semantics.compare import equal

        return isinstance(other, list) and equal(self, adopt(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None


class _Key:
    """A dict key that Python would take for another one: True for 1, nan for another nan."""

    __slots__ = ("canonical", "value")

    def __init__(self, canonical: object, value: object) -> None:
        self.canonical = canonical
        self.value = value

    def __hash__(self) -> int:
        return hash(self.canonical)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.canonical == other.canonical


_BOOLS = {each: _Key(str(each), each) for each in (True, False)}
_NAN = _Key("nan", math.nan)


def key_of(value: Any) -> Any:
    """What stands for a value among the keys of a Python dict. Raises EvalError when it has no hash."""
    kind = type(value)
    if kind is str or kind is int or kind is bytes or value is None:
        return value
    if kind is bool:
        return _BOOLS[value]
    if kind is float:
        return _NAN if math.isnan(value) else value
    if kind is tuple:
        charge(len(value))
        keys = tuple(key_of(each) for each in value)
        if all(key is each for key, each in zip(keys, value, strict=True)):
            return value
        return _Key(keys, value)
    return _host_key(value)


def _host_key(value: Any) -> Any:
    host = attributes.of(value)
    if isinstance(value, Range | Elements):
        raise EvalError(f"unhashable: {type_name(value)}")
    if isinstance(value, List | Dict) or (host is not None and not host.hashable):
        raise EvalError(f"unhashable type: {type_name(value)}")
    try:
        hash(value)
    except TypeError:
        return _Key(id(value), value)
    return value


def _plain(key: Any) -> Any:
    return key.value if type(key) is _Key else key


class Dict(dict[Any, Any]):
    """A Starlark dict, in order of insertion. As a Python mapping it has the keys a spec sees."""

    __slots__ = ("frozen", "locks")

    def __init__(self, pairs: Iterable[tuple[Any, Any]] = ()) -> None:
        super().__init__()
        self.frozen = False
        self.locks = 0
        for key, value in pairs:
            super().__setitem__(key_of(key), value)

    def check_mutable(self, verb: str) -> None:
        """Raise EvalError unless the dict may be changed now."""
        if self.frozen:
            raise EvalError(f"cannot {verb} frozen hash table")
        if self.locks:
            raise EvalError(f"cannot {verb} hash table during iteration")

    def freeze(self) -> None:
        """Forbid changes to the dict and all that it holds."""
        freeze(self)

    def put(self, key: Any, value: Any) -> None:
        """Insert as Starlark does. Raises EvalError when frozen, iterated or the key has no hash."""
        self.check_mutable("insert into")
        super().__setitem__(key_of(key), value)

    def take(self, key: Any) -> tuple[bool, Any]:
        """Delete as Starlark does; whether it was there, and its value."""
        self.check_mutable("delete from")
        if not self:
            return False, None
        found = key_of(key)
        if not super().__contains__(found):
            return False, None
        return True, super().pop(found)

    def empty(self) -> None:
        """Delete everything as Starlark does."""
        self.check_mutable("clear")
        super().clear()

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(key_of(key))

    def __contains__(self, key: Any) -> bool:
        return super().__contains__(key_of(key))

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(key_of(key), default)

    def __iter__(self) -> Iterator[Any]:
        return map(_plain, super().__iter__())

    def keys(self) -> Any:
        return [_plain(key) for key in super().__iter__()]

    def items(self) -> Any:
        return [(_plain(key), value) for key, value in super().items()]

    def __eq__(self, other: object) -> bool:
        from faultbox.spec.semantics.compare import equal

        return isinstance(other, dict) and equal(self, adopt(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None


class Range:
    """What range() gives."""

    __slots__ = ("items",)

    def __init__(self, items: range) -> None:
        self.items = items


class Elements:
    """What .elems(), .codepoints() and their _ords give: iterable, but no list.

    `kind` is its type's name; only the elements of strings have a length and an index (`indexable`).
    """

    __slots__ = ("indexable", "items", "kind", "method", "of")

    def __init__(self, kind: str, method: str, of: str | bytes, items: list[Any]) -> None:
        self.kind = kind
        self.method = method
        self.of = of
        self.items = items
        self.indexable = kind == "string.elems"


Method = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]


class BoundMethod:
    """A method of a built-in type, with the value that it belongs to."""

    __slots__ = ("method", "name", "receiver")

    def __init__(self, name: str, receiver: Any, method: Method) -> None:
        self.name = name
        self.receiver = receiver
        self.method = method


class SpecFunction:
    """The base of functions defined in specs, so that values need not know how they are called."""

    __slots__ = ()
    name: str

    def freeze_parts(self) -> Iterable[Any]:
        """The values it holds: defaults and captured variables. A second call gives none."""
        raise NotImplementedError

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.invoke(args, kwargs)

    def invoke(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call it."""
        raise NotImplementedError


_NAMES: dict[type, str] = {
    type(None): "NoneType",
    bool: "bool",
    int: "int",
    float: "float",
    str: "string",
    bytes: "bytes",
    tuple: "tuple",
    List: "list",
    Dict: "dict",
    Range: "range",
    Builtin: "builtin_function_or_method",
    BoundMethod: "builtin_function_or_method",
    Broken: "<broken>",
}


def type_name(value: Any) -> str:
    """What type() says."""
    name = _NAMES.get(type(value))
    if name is not None:
        return name
    if isinstance(value, SpecFunction):
        return "function"
    if isinstance(value, Elements):
        return value.kind
    host = attributes.of(value)
    return host.name if host is not None else "object"


def truth(value: Any) -> bool:
    """What bool() says and `if` tests."""
    kind = type(value)
    if kind in _NAMES:
        if kind is Range:
            return len(value.items) > 0
        return bool(value) if kind is not Builtin else True
    host = attributes.of(value)
    if host is not None and host.truth is not None:
        return host.truth(value)
    return True


def freeze(value: Any) -> None:
    """Make a value and all that it holds unchangeable for specs."""
    waiting = [value]
    tuples: set[int] = set()
    while waiting:
        each = waiting.pop()
        if isinstance(each, List | Dict):
            if each.frozen:
                continue
            each.frozen = True
            waiting.extend(each if isinstance(each, List) else (part for pair in each.items() for part in pair))
        elif type(each) is tuple and id(each) not in tuples:
            tuples.add(id(each))
            waiting.extend(each)
        elif isinstance(each, SpecFunction):
            waiting.extend(each.freeze_parts())


def adopt(value: Any) -> Any:
    """A value that Python gives to a spec: its lists and dicts become Starlark's, all the way down."""
    kind = type(value)
    if kind is list:
        return List(map(adopt, value))
    if kind is dict:
        return Dict((key, adopt(each)) for key, each in value.items())
    if kind is tuple:
        return tuple(map(adopt, value))
    return value


def length(value: Any) -> int | None:
    """The number of elements, or None where a value has no length."""
    kind = type(value)
    if kind is str:
        return len(value) if value.isascii() else len(encode(value))
    if kind in (List, Dict, tuple, bytes):
        return len(value)
    if kind is Range:
        return len(value.items)
    if kind is Elements:
        return len(value.items) if value.indexable else None
    host = attributes.of(value)
    if host is not None and host.iterate is not None:
        return len(list(host.iterate(value)))
    return None


def encode(text: str) -> bytes:
    """The bytes of a string."""
    charge(len(text) >> 5)
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def decode(data: bytes) -> str:
    """The string that has these bytes."""
    return data.decode("utf-8", "surrogateescape")
