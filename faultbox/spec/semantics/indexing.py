"""`x[i]`, `x[i:j:k]`, `x[i] = v` and `x.name`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from faultbox.spec import attributes
from faultbox.spec.broken import BROKEN, Broken
from faultbox.spec.semantics.budget import allocate
from faultbox.spec.semantics.errors import EvalError, nearest
from faultbox.spec.semantics.numbers import as_int32
from faultbox.spec.semantics.printing import represent
from faultbox.spec.semantics.values import (
    BoundMethod,
    Dict,
    Elements,
    List,
    Range,
    adopt,
    decode,
    encode,
    length,
    type_name,
)

_INDEXABLE = (List, tuple, str, bytes, Range)


def index(x: Any, key: Any) -> Any:
    """`x[key]`. Raises EvalError."""
    kind = type(x)
    if kind is Broken or type(key) is Broken:
        return BROKEN
    if kind is Dict:
        if key not in x:
            raise EvalError(f"key {represent(key)} not in dict")
        return x[key]
    if kind in _INDEXABLE or (kind is Elements and x.indexable):
        return _element(x, _place(x, key))
    return _host_item(x, key)


def _host_item(x: Any, key: Any) -> Any:
    host = attributes.of(x)
    if host is None or host.getitem is None:
        raise EvalError(f"unhandled index operation {type_name(x)}[{type_name(key)}]")
    try:
        return adopt(host.getitem(x, key))
    except KeyError:
        raise EvalError(f"key {represent(key)} not in {host.name}") from None
    except IndexError:
        raise EvalError(f"{host.name} index {represent(key)} out of range") from None


def _place(x: Any, key: Any) -> int:
    try:
        wanted = as_int32(key)
    except EvalError as error:
        raise EvalError(f"{type_name(x)} index: {error}") from None
    size = length(x) or 0
    place = wanted + size if wanted < 0 else wanted
    if not 0 <= place < size:
        raise out_of_range(wanted, size, x)
    return place


def out_of_range(wanted: int, size: int, x: Any) -> EvalError:
    """The error for an index that a sequence of that size doesn't have."""
    if size == 0:
        return EvalError(f"index {wanted} out of range: empty {type_name(x)}")
    return EvalError(f"{type_name(x)} index {wanted} out of range [{-size}:{size - 1}]")


def _element(x: Any, place: int) -> Any:
    kind = type(x)
    if kind is str:
        return x[place] if x.isascii() else decode(encode(x)[place : place + 1])
    if kind is bytes:
        return x[place : place + 1]
    return x.items[place] if kind in (Range, Elements) else x[place]


def store(x: Any, key: Any, value: Any) -> None:
    """`x[key] = value`. Raises EvalError."""
    if type(x) is Dict:
        x.put(key, value)
    elif type(x) is List:
        size = len(x)
        wanted = as_int32(key)
        place = wanted + size if wanted < 0 else wanted
        if not 0 <= place < size:
            raise out_of_range(wanted, size, x)
        x.check_mutable("assign to element of")
        x[place] = value
    elif type(x) is not Broken:
        raise EvalError(f"{type_name(x)} value does not support item assignment")


def part(x: Any, low: Any, high: Any, step: Any) -> Any:
    """`x[low:high:step]`. Raises EvalError."""
    kind = type(x)
    if kind is Broken:
        return BROKEN
    if kind not in _INDEXABLE:
        raise EvalError(f"invalid slice operand {type_name(x)}")
    chosen = _slice(low, high, step, length(x) or 0)
    if kind is str:
        return x[chosen] if x.isascii() else decode(encode(x)[chosen])
    if kind is Range:
        return Range(_sub_range(x.items, chosen))
    if kind is List:
        found = List(list.__getitem__(x, chosen))
        allocate(len(found))
        return found
    return x[chosen]


def _sub_range(items: range, chosen: slice) -> range:
    """The part as starlark-go bounds it, which shows in its repr()."""
    start, stop, step = chosen.indices(len(items))
    if (step > 0 and stop < start) or (step < 0 and start < stop):
        stop = start
    return range(items.start + items.step * start, items.start + items.step * stop, items.step * step)


def _slice(low: Any, high: Any, step: Any, size: int) -> slice:
    by = _step(step)
    return slice(_bound("invalid start index", low, size), _bound("invalid end index", high, size), by)


def _step(step: Any) -> int:
    if step is None:
        return 1
    try:
        number = as_int32(step)
    except EvalError as error:
        raise EvalError(f"invalid slice step: {error}") from None
    if number == 0:
        raise EvalError("zero is not a valid slice step")
    return number


def _bound(what: str, value: Any, size: int) -> int | None:
    if value is None:
        return None
    try:
        return max(as_int32(value), -size - 1)
    except EvalError as error:
        raise EvalError(f"{what}: {error}") from None


def bounds(start: Any, end: Any, size: int) -> tuple[int, int]:
    """The place of a part that a method looks at, within 0 and size. Raises EvalError."""
    chosen = _slice(start, end, None, size)
    first, last, _ = chosen.indices(size)
    return first, last


def attribute(x: Any, name: str) -> Any:
    """`x.name`. Raises EvalError with the nearest name."""
    if type(x) is Broken:
        return BROKEN
    try:
        return lookup(x, name)
    except AttributeError as error:
        message = str(error) or f"{type_name(x)} has no .{name} field or method"
    meant = nearest(name, attribute_names(x))
    raise EvalError(f"{message} (did you mean .{meant}?)" if meant and "did you mean" not in message else message)


def lookup(x: Any, name: str) -> Any:
    """The attribute of a value. Raises AttributeError, with a text only where the host gave one."""
    from faultbox.spec.semantics.methods import METHODS

    methods = METHODS.get(type(x))
    if methods is not None:
        method = methods.get(name)
        if method is None:
            raise AttributeError
        return BoundMethod(name, x, method)
    host = attributes.of(x)
    if host is None:
        raise AttributeError
    try:
        return adopt(host.get(x, name))
    except AttributeError as error:
        text = str(error)
        raise AttributeError(text if " " in text and not text.startswith("'") else "") from None


def attribute_names(x: Any) -> list[str]:
    """What dir() says."""
    from faultbox.spec.semantics.methods import METHODS

    methods: Iterable[str] | None = METHODS.get(type(x))
    if methods is None:
        host = attributes.of(x)
        methods = host.names(x) if host is not None else ()
    return sorted(methods)


def store_attribute(x: Any, name: str) -> None:
    """`x.name = value`, which no value of Starlark allows. Raises EvalError."""
    if type(x) is not Broken:
        raise EvalError(f"can't assign to .{name} field of {type_name(x)}")
