"""The methods of every built-in type, by type and name."""

from __future__ import annotations

from faultbox.spec.builtin import Builtin
from faultbox.spec.semantics import bytes_, dicts, lists, strings
from faultbox.spec.semantics.values import BoundMethod, Dict, Elements, List, Method, Range

METHODS: dict[type, dict[str, Method]] = {
    str: strings.METHODS,
    bytes: bytes_.METHODS,
    List: lists.METHODS,
    Dict: dicts.METHODS,
    tuple: {},
    int: {},
    bool: {},
    float: {},
    type(None): {},
    Range: {},
    Elements: {},
    Builtin: {},
    BoundMethod: {},
}
