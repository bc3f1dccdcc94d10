"""The functions that every Starlark program has."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from faultbox.spec.broken import BROKEN, Broken
from faultbox.spec.builtin import Builtin, BuiltinFunction, CallSite
from faultbox.spec.semantics import dicts
from faultbox.spec.semantics.arguments import (
    Args,
    Kwargs,
    named,
    positional,
    want,
    want_callable,
    want_elements,
    want_int,
)
from faultbox.spec.semantics.budget import charge
from faultbox.spec.semantics.calls import call
from faultbox.spec.semantics.compare import ordered
from faultbox.spec.semantics.convert import CONVERSIONS
from faultbox.spec.semantics.errors import EvalError
from faultbox.spec.semantics.indexing import attribute_names, lookup
from faultbox.spec.semantics.iteration import elements, locked, snapshot
from faultbox.spec.semantics.printing import represent, text
from faultbox.spec.semantics.values import Dict, List, Range, length, truth, type_name


def _any(_site: CallSite, args: Args, kwargs: Kwargs) -> bool:
    (value,) = positional("any", args, kwargs, 1, 1)
    return any(truth(each) for each in want_elements("any", 1, value))


def _all(_site: CallSite, args: Args, kwargs: Kwargs) -> bool:
    (value,) = positional("all", args, kwargs, 1, 1)
    return all(truth(each) for each in want_elements("all", 1, value))


def _dict(_site: CallSite, args: Args, kwargs: Kwargs) -> Dict:
    if len(args) > 1:
        raise EvalError(f"dict: got {len(args)} arguments, want at most 1")
    made = Dict()
    try:
        dicts.update(made, args, kwargs)
    except EvalError as error:
        raise EvalError(f"dict: {error}") from None
    return made


def _dir(_site: CallSite, args: Args, kwargs: Kwargs) -> List:
    if kwargs:
        raise EvalError("dir does not accept keyword arguments")
    (value,) = positional("dir", args, kwargs, 1, 1)
    return List(attribute_names(value))


def _enumerate(_site: CallSite, args: Args, kwargs: Kwargs) -> List:
    value, *more = positional("enumerate", args, kwargs, 1, 2)
    found = want_elements("enumerate", 1, value)
    start = want_int("enumerate", 2, more[0]) if more else 0
    charge(len(found))
    return List(enumerate(found, start))


def _fail(_site: CallSite, args: Args, kwargs: Kwargs) -> None:
    given = dict(kwargs)
    separator = given.pop("sep", " ")
    if given:
        raise EvalError(f'fail: unexpected keyword argument "{next(iter(given))}"')
    raise EvalError("fail: " + text(separator).join(text(each) for each in args))


def _attribute(name: str, args: Args) -> tuple[bool, Any]:
    want(name, 2, args[1], str, "string")
    try:
        return True, lookup(args[0], args[1])
    except AttributeError:
        return False, None


def _getattr(_site: CallSite, args: Args, kwargs: Kwargs) -> Any:
    given = positional("getattr", args, kwargs, 2, 3)
    found, value = _attribute("getattr", given)
    if found:
        return value
    if len(given) == 3:
        return given[2]
    raise EvalError(f"getattr: {type_name(given[0])} has no .{given[1]} field or method")


def _hasattr(_site: CallSite, args: Args, kwargs: Kwargs) -> bool:
    return _attribute("hasattr", positional("hasattr", args, kwargs, 2, 2))[0]


def _len(_site: CallSite, args: Args, kwargs: Kwargs) -> int:
    (value,) = positional("len", args, kwargs, 1, 1)
    size = length(value)
    if size is None:
        raise EvalError(f"len: value of type {type_name(value)} has no len")
    return size


def _list(_site: CallSite, args: Args, kwargs: Kwargs) -> List:
    given = positional("list", args, kwargs, 0, 1)
    return List(want_elements("list", 1, given[0])) if given else List()


def _tuple(_site: CallSite, args: Args, kwargs: Kwargs) -> tuple[Any, ...]:
    given = positional("tuple", args, kwargs, 0, 1)
    return tuple(want_elements("tuple", 1, given[0])) if given else ()


def _extreme(name: str, op: str) -> BuiltinFunction:
    def function(site: CallSite, args: Args, kwargs: Kwargs) -> Any:
        if not args:
            raise EvalError(f"{name} requires at least one positional argument")
        key = named(name, (), kwargs, "key?").get("key", _same)
        if key is not _same:
            want_callable(name, '"key"', key)
        found = snapshot(args[0] if len(args) == 1 else args)
        if found is None:
            raise EvalError(f"{name}: {type_name(args[0])} value is not iterable")
        if not found:
            raise EvalError(f"{name}: argument is an empty sequence")
        with locked(args[0] if len(args) == 1 else None):
            keys = [_apply(site, key, each) for each in found]
        best = 0
        for place in range(1, len(found)):
            if _ordered(name, op, keys[place], keys[best]):
                best = place
        return found[best]

    return function


def _same(value: Any) -> Any:
    return value


def _apply(site: CallSite, key: Any, value: Any) -> Any:
    return value if key is _same else call(site, key, (value,), {})


def _ordered(name: str, op: str, x: Any, y: Any) -> bool:
    try:
        return ordered(op, x, y)
    except EvalError as error:
        raise EvalError(f"{name}: {error}") from None


def _range(_site: CallSite, args: Args, kwargs: Kwargs) -> Range:
    given = positional("range", args, kwargs, 1, 3)
    numbers = [want_int("range", place, each) for place, each in enumerate(given, 1)]
    if len(numbers) == 3 and numbers[2] == 0:
        raise EvalError("range: step argument must not be zero")
    made = range(*numbers)
    if abs(made.stop - made.start) >= 1 << 63:
        raise EvalError("range: too many elements")
    return Range(made)


def _repr(_site: CallSite, args: Args, kwargs: Kwargs) -> str:
    (value,) = positional("repr", args, kwargs, 1, 1)
    return represent(value)


def _reversed(_site: CallSite, args: Args, kwargs: Kwargs) -> List:
    (value,) = positional("reversed", args, kwargs, 1, 1)
    return List(reversed(want_elements("reversed", 1, value)))


def _sorted(site: CallSite, args: Args, kwargs: Kwargs) -> List:
    given = named("sorted", args, kwargs, "iterable", "key?", "reverse?")
    values = want_elements("sorted", "iterable", given["iterable"])
    keys = values
    if "key" in given:
        key = want_callable("sorted", '"key"' if "key" in kwargs else "key", given["key"])
        with locked(given["iterable"]):
            keys = [call(site, key, (each,), {}) for each in values]
    charge(len(values) * 15)
    reverse = want(
        "sorted", '"reverse"' if "reverse" in kwargs else "reverse", given.get("reverse", False), bool, "bool"
    )
    pairs = list(zip(keys, values, strict=True))
    by_key = functools.cmp_to_key(_compare)
    pairs.sort(key=lambda pair: by_key(pair[0]), reverse=reverse)
    return List(value for _, value in pairs)


def _compare(x: Any, y: Any) -> int:
    if ordered("<", x, y):
        return -1
    return int(ordered("<", y, x))


def _type(_site: CallSite, args: Args, kwargs: Kwargs) -> str:
    if kwargs:
        raise EvalError("type does not accept keyword arguments")
    if len(args) != 1:
        raise EvalError(f"type: got {len(args)} arguments, want exactly 1")
    return type_name(args[0])


def _zip(_site: CallSite, args: Args, kwargs: Kwargs) -> List:
    if kwargs:
        raise EvalError("zip does not accept keyword arguments")
    columns = []
    for place, each in enumerate(args):
        found = elements(each)
        if found is None:
            raise EvalError(f"zip: argument #{place + 1} is not iterable: {type_name(each)}")
        columns.append(found)
    rows = min(map(len, columns), default=0)
    charge(rows * (len(columns) + 1))
    return List(zip(*(column[:rows] for column in columns), strict=True))


def _printer(write: Callable[[str, CallSite], None]) -> BuiltinFunction:
    def function(site: CallSite, args: Args, kwargs: Kwargs) -> None:
        given = dict(kwargs)
        separator = given.pop("sep", " ")
        if given:
            raise EvalError(f'print: unexpected keyword argument "{next(iter(given))}"')
        write(text(want("print", '"sep"', separator, str, "string")).join(text(each) for each in args), site)

    return function


def _absorbing(function: BuiltinFunction) -> BuiltinFunction:
    """The function, but what has been reported as broken gives something broken."""

    def absorb(site: CallSite, args: Args, kwargs: Kwargs) -> object:
        if any(type(each) is Broken for each in (*args, *kwargs.values())):
            return BROKEN
        return function(site, args, kwargs)

    return absorb


_FUNCTIONS: dict[str, BuiltinFunction] = {
    **CONVERSIONS,
    "all": _all,
    "any": _any,
    "dict": _dict,
    "dir": _dir,
    "enumerate": _enumerate,
    "fail": _fail,
    "getattr": _getattr,
    "hasattr": _hasattr,
    "len": _len,
    "list": _list,
    "max": _extreme("max", ">"),
    "min": _extreme("min", "<"),
    "range": _range,
    "repr": _repr,
    "reversed": _reversed,
    "sorted": _sorted,
    "tuple": _tuple,
    "type": _type,
    "zip": _zip,
}


def universe(write: Callable[[str, CallSite], None]) -> dict[str, Builtin]:
    """The functions by name; `write(text, site)` does what print() does."""
    made = {name: Builtin(name, _absorbing(function)) for name, function in _FUNCTIONS.items()}
    made["print"] = Builtin("print", _printer(write))
    return made
