"""The methods of bytes."""

from __future__ import annotations

from typing import Any

from faultbox.spec.semantics.arguments import Args, Kwargs, positional
from faultbox.spec.semantics.values import Elements, Method


def _elems(data: bytes, args: Args, kwargs: Kwargs) -> Any:
    positional("elems", args, kwargs, 0, 0)
    return Elements("bytes.elems", "elems", data, list(data))


METHODS: dict[str, Method] = {"elems": _elems}
