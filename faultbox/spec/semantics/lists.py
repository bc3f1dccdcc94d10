"""The methods of lists."""

from __future__ import annotations

from typing import Any

from faultbox.spec.semantics.arguments import Args, Kwargs, positional, want_elements, want_int
from faultbox.spec.semantics.budget import charge
from faultbox.spec.semantics.compare import equal
from faultbox.spec.semantics.errors import EvalError
from faultbox.spec.semantics.indexing import bounds, out_of_range
from faultbox.spec.semantics.values import List, Method


def _append(items: List, args: Args, kwargs: Kwargs) -> None:
    (value,) = positional("append", args, kwargs, 1, 1)
    items.check_mutable("append to")
    items.append(value)


def _clear(items: List, args: Args, kwargs: Kwargs) -> None:
    positional("clear", args, kwargs, 0, 0)
    items.check_mutable("clear")
    items.clear()


def _extend(items: List, args: Args, kwargs: Kwargs) -> None:
    (value,) = positional("extend", args, kwargs, 1, 1)
    found = want_elements("extend", 1, value)
    items.check_mutable("extend")
    items.extend(found)


def _index(items: List, args: Args, kwargs: Kwargs) -> int:
    value, start, end = (*positional("index", args, kwargs, 1, 3), None, None)[:3]
    try:
        first, last = bounds(start, end, len(items))
    except EvalError as error:
        raise EvalError(f"index: {error}") from None
    charge(len(items))
    for place in range(first, last):
        if equal(items[place], value):
            return place
    raise EvalError("index: value not in list")


def _insert(items: List, args: Args, kwargs: Kwargs) -> None:
    place, value = positional("insert", args, kwargs, 2, 2)
    number = want_int("insert", 1, place)
    items.check_mutable("insert into")
    items.insert(number, value)


def _pop(items: List, args: Args, kwargs: Kwargs) -> Any:
    given = positional("pop", args, kwargs, 0, 1)
    size = len(items)
    wanted = want_int("pop", 1, given[0]) if given else -1
    place = wanted + size if wanted < 0 else wanted
    if not 0 <= place < size:
        raise EvalError(f"pop: {out_of_range(wanted, size, items)}")
    items.check_mutable("pop from")
    return items.pop(place)


def _remove(items: List, args: Args, kwargs: Kwargs) -> None:
    (value,) = positional("remove", args, kwargs, 1, 1)
    items.check_mutable("remove from")
    charge(len(items))
    for place, each in enumerate(items):
        if equal(each, value):
            del items[place]
            return
    raise EvalError("remove: element not found")


METHODS: dict[str, Method] = {
    "append": _append,
    "clear": _clear,
    "extend": _extend,
    "index": _index,
    "insert": _insert,
    "pop": _pop,
    "remove": _remove,
}
