"""The methods of dicts, and what makes dicts."""

from __future__ import annotations

from typing import Any

from faultbox.spec.semantics.arguments import Args, Kwargs, positional
from faultbox.spec.semantics.errors import EvalError
from faultbox.spec.semantics.iteration import elements
from faultbox.spec.semantics.printing import represent
from faultbox.spec.semantics.values import Dict, List, Method, length, type_name


def from_display(*parts: Any) -> Dict:
    """The dict of `{k: v, ...}`, from its keys and values in turn. Raises EvalError for a key given twice."""
    made = Dict()
    for key, value in zip(parts[::2], parts[1::2], strict=True):
        if key in made:
            raise EvalError(f"duplicate key: {represent(key)}")
        made.put(key, value)
    return made


def update(target: Dict, args: Args, kwargs: Kwargs) -> None:
    """Add the pairs of at most one dict or sequence, then the named ones. Raises EvalError."""
    source = args[0] if args else None
    if isinstance(source, Dict):
        pairs = source.items()
    elif source is None:
        pairs = []
    else:
        pairs = _pairs(source)
    for key, value in pairs:
        target.put(key, value)
    for name, value in kwargs.items():
        target.put(name, value)


def _pairs(source: Any) -> list[Any]:
    found = elements(source)
    if found is None:
        raise EvalError(f"got {type_name(source)}, want iterable")
    pairs = []
    for place, each in enumerate(found):
        pair = elements(each)
        if pair is None:
            raise EvalError(f"dictionary update sequence element #{place} is not iterable ({type_name(each)})")
        size = length(each)
        if size is None:
            raise EvalError(f"dictionary update sequence element #{place} has unknown length ({type_name(each)})")
        if size != 2:
            raise EvalError(f"dictionary update sequence element #{place} has length {size}, want 2")
        pairs.append(tuple(pair))
    return pairs


def _clear(mapping: Dict, args: Args, kwargs: Kwargs) -> None:
    positional("clear", args, kwargs, 0, 0)
    mapping.empty()


def _get(mapping: Dict, args: Args, kwargs: Kwargs) -> Any:
    key, default = (*positional("get", args, kwargs, 1, 2), None)[:2]
    return mapping.get(key, default)


def _items(mapping: Dict, args: Args, kwargs: Kwargs) -> List:
    positional("items", args, kwargs, 0, 0)
    return List(mapping.items())


def _keys(mapping: Dict, args: Args, kwargs: Kwargs) -> List:
    positional("keys", args, kwargs, 0, 0)
    return List(mapping.keys())


def _values(mapping: Dict, args: Args, kwargs: Kwargs) -> List:
    positional("values", args, kwargs, 0, 0)
    return List(mapping.values())


def _pop(mapping: Dict, args: Args, kwargs: Kwargs) -> Any:
    given = positional("pop", args, kwargs, 1, 2)
    found, value = mapping.take(given[0])
    if found:
        return value
    if len(given) == 2:
        return given[1]
    raise EvalError("pop: missing key")


def _popitem(mapping: Dict, args: Args, kwargs: Kwargs) -> tuple[Any, Any]:
    positional("popitem", args, kwargs, 0, 0)
    if not mapping:
        raise EvalError("popitem: empty dict")
    key = next(iter(mapping))
    return key, mapping.take(key)[1]


def _setdefault(mapping: Dict, args: Args, kwargs: Kwargs) -> Any:
    key, default = (*positional("setdefault", args, kwargs, 1, 2), None)[:2]
    if key not in mapping:
        mapping.put(key, default)
    return mapping[key]


def _update(mapping: Dict, args: Args, kwargs: Kwargs) -> None:
    if len(args) > 1:
        raise EvalError(f"update: got {len(args)} arguments, want at most 1")
    try:
        update(mapping, args, kwargs)
    except EvalError as error:
        raise EvalError(f"update: {error}") from None


METHODS: dict[str, Method] = {
    "clear": _clear,
    "get": _get,
    "items": _items,
    "keys": _keys,
    "pop": _pop,
    "popitem": _popitem,
    "setdefault": _setdefault,
    "update": _update,
    "values": _values,
}
