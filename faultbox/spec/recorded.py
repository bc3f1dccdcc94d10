"""What a scenario gave, as JSON and back: so that an expectation can be asked again about a run that is over."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any

from faultbox.model.host import Response
from faultbox.spec.semantics.errors import EvalError
from faultbox.spec.semantics.values import Dict, List

MAX_CHARACTERS = 1 << 16
"""Of all strings of a value together; a larger value is not recorded."""
_MAX_DEPTH = 32
_MAX_INT = 1 << 256


class NotRecorded(Exception):
    """The value, or something in it, is not in the record; the message says why."""


def record(value: object) -> dict[str, Any]:
    """A value as JSON: `{"type": "int", "value": 3}`, `{"type": "response", "status": 200, …}`.

    What can't be told, a function or a service for example, is `{"type": "unrecorded", "why": …}`.
    """
    try:
        return _Writer().shape(value, 0)
    except NotRecorded as error:
        return {"type": "unrecorded", "why": str(error)}


class _Writer:
    def __init__(self) -> None:
        self._left = MAX_CHARACTERS

    def shape(self, value: object, depth: int) -> dict[str, Any]:
        if depth > _MAX_DEPTH:
            raise NotRecorded(f"it is nested deeper than {_MAX_DEPTH} levels")
        if isinstance(value, Response):
            return {"type": "response", **{name: self.shape(each, depth + 1) for name, each in _fields(value)}}
        if isinstance(value, Mapping):
            pairs = value.items() if isinstance(value, Dict) else dict(value).items()
            return {
                "type": "dict",
                "items": [[self.shape(key, depth + 1), self.shape(each, depth + 1)] for key, each in pairs],
            }
        if isinstance(value, list | tuple):
            kind = "tuple" if isinstance(value, tuple) else "list"
            return {"type": kind, "items": [self.shape(each, depth + 1) for each in value]}
        return self._scalar(value)

    def _scalar(self, value: object) -> dict[str, Any]:
        if value is None:
            return {"type": "none"}
        if isinstance(value, bool):
            return {"type": "bool", "value": value}
        if isinstance(value, int) and abs(value) < _MAX_INT:
            return {"type": "int", "value": value}
        if isinstance(value, float) and math.isfinite(value):
            return {"type": "float", "value": value}
        if isinstance(value, str):
            self._left -= len(value)
            if self._left < 0:
                raise NotRecorded(f"it is larger than {MAX_CHARACTERS >> 10} KiB")
            return {"type": "string", "value": value}
        raise NotRecorded(f"it holds a {type(value).__name__}, which has no place in a record")


def _fields(response: Response) -> Iterable[tuple[str, object]]:
    return ((each.name, getattr(response, each.name)) for each in dataclasses.fields(response))


def revive(shape: object) -> Any:
    """The value again. Raises NotRecorded where it is not in the record, or the record is none."""
    try:
        return _revived(shape)
    except (TypeError, EvalError, RecursionError):
        raise NotRecorded(_BROKEN) from None


_BROKEN = "its record is broken"
_SCALARS: Mapping[object, type] = {"bool": bool, "int": int, "float": float, "string": str}


def _revived(shape: object) -> Any:
    if not isinstance(shape, Mapping):
        raise NotRecorded(_BROKEN)
    kind = shape.get("type")
    if kind == "none":
        return None
    if kind in _SCALARS:
        value = shape.get("value")
        if type(value) is not _SCALARS[kind]:
            raise NotRecorded(_BROKEN)
        return value
    if kind == "response":
        return _response(shape)
    if kind == "unrecorded":
        raise NotRecorded(str(shape.get("why")))
    return _container(kind, shape.get("items"))


def _container(kind: object, items: object) -> Any:
    if isinstance(items, list):
        if kind == "list":
            return List(_revived(each) for each in items)
        if kind == "tuple":
            return tuple(_revived(each) for each in items)
        if kind == "dict" and all(isinstance(pair, list) and len(pair) == 2 for pair in items):
            return Dict((_revived(key), _revived(each)) for key, each in items)
    raise NotRecorded(_BROKEN)


def _response(shape: Mapping[str, Any]) -> Response:
    given = {each.name: _revived(shape.get(each.name)) for each in dataclasses.fields(Response)}
    model = Response()
    for name in ("status", "body", "ok", "error", "protocol"):
        if type(given[name]) is not type(getattr(model, name)):
            raise NotRecorded(_BROKEN)
    for name in ("headers", "fields"):
        given[name] = dict(given[name].items()) if isinstance(given[name], Dict) else {}
    duration = given["duration_ms"]
    given["duration_ms"] = float(duration) if isinstance(duration, int | float) else 0.0
    return Response(**given)
