"""The model's results as JSON and back: result.json, plan.json and what a bundle holds.

The shape follows the dataclasses: a field is a key, a tuple is a list, an enum its value, a
named tuple an object. Reading is strict, since what is read may be a stranger's bundle: a
missing or mistyped value is a BadRecord that names its place. Unknown keys are passed over, so
that a file of a newer version with more to say can still be read.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Kind = TypeVar("Kind")


class BadRecord(ValueError):
    """What was read isn't a record of that kind; `place` says where (`rules[2].counts.seen`)."""

    def __init__(self, place: str, reason: str) -> None:
        self.place = place
        self.reason = reason
        super().__init__(f"{place or 'record'}: {reason}")


def to_json(value: Any) -> Any:
    """Plain dicts, lists, strings, numbers, booleans and None, ready for json.dumps."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if dataclasses.is_dataclass(value):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {str(key): to_json(each) for key, each in value.items()}
    if isinstance(value, Sequence):
        return [to_json(each) for each in value]
    raise TypeError(f"{type(value).__name__} has no JSON shape")


def from_json(kind: type[Kind], shape: object) -> Kind:
    """The record of that kind. Raises BadRecord."""
    record: Kind = _read(kind, shape, "")
    return record


def _read(kind: Any, shape: Any, place: str) -> Any:
    """`shape` as a value of the annotated type `kind`."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return shape
    if origin in {Union, types.UnionType}:
        return _read_union(inner, shape, place)
    if origin is Literal:
        return _read_choice(inner, shape, place)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        entries = _expect(dict, shape, place)
        return {key: _read(inner[1], each, f"{place}.{key}") for key, each in entries.items()}
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return _read_tuple(inner if origin is tuple else (*inner, ...), shape, place)
    return _read_plain(kind, shape, place)


def _read_choice(choices: tuple[Any, ...], shape: Any, place: str) -> Any:
    if shape not in choices:
        raise BadRecord(place, f"{shape!r} is none of {', '.join(map(repr, choices))}")
    return shape


def _read_plain(kind: Any, shape: Any, place: str) -> Any:
    if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields"):
        return _read_fields(kind, _expect(dict, shape, place), place)
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(shape)
        except ValueError as error:
            raise BadRecord(place, str(error)) from None
    if kind is float and type(shape) is int:
        return _as_float(shape, place)
    return _expect(kind, shape, place)


def _read_union(options: tuple[Any, ...], shape: Any, place: str) -> Any:
    if shape is None and type(None) in options:
        return None
    (option,) = (each for each in options if each is not type(None))
    return _read(option, shape, place)


def _read_tuple(kinds: tuple[Any, ...], shape: Any, place: str) -> tuple[Any, ...]:
    items = _expect(list, shape, place)
    if kinds[-1] is ...:
        kinds = (kinds[0],) * len(items)
    if len(items) != len(kinds):
        raise BadRecord(place, f"has {len(items)} items instead of {len(kinds)}")
    return tuple(
        _read(kind, item, f"{place}[{number}]") for number, (kind, item) in enumerate(zip(kinds, items, strict=True))
    )


def _read_fields(kind: Any, shape: dict[str, Any], place: str) -> Any:
    hints, required = _fields(kind)
    missing = required - shape.keys()
    if missing:
        raise BadRecord(place, f"lacks {', '.join(sorted(missing))}")
    inner = f"{place}." if place else ""
    return kind(**{name: _read(hints[name], shape[name], inner + name) for name in hints if name in shape})


def _expect(kind: type[Kind], shape: Any, place: str) -> Kind:
    """`shape` when it is exactly of that type: True is no int."""
    if type(shape) is not kind:
        raise BadRecord(place, f"is {type(shape).__name__}, not {kind.__name__}")
    return shape


def _as_float(shape: int, place: str) -> float:
    try:
        return float(shape)
    except OverflowError:
        raise BadRecord(place, "is too large a number") from None


@cache
def _fields(kind: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """The annotated fields of a dataclass or named tuple, and which of them have no default."""
    hints = get_type_hints(kind)
    if not dataclasses.is_dataclass(kind):
        return hints, frozenset(hints) - frozenset(kind._field_defaults)
    unset = dataclasses.MISSING
    fields = dataclasses.fields(kind)
    required = {each.name for each in fields if each.default is unset and each.default_factory is unset}
    return {each.name: hints[each.name] for each in fields}, frozenset(required)
