"""Whether a result that was read can be shown: parts of it are plain JSON, of which a stranger may make anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faultbox.model.verdict import CaseResult


def strange(result: CaseResult) -> str:
    """What is wrong with its deciding events or its tree of causes; empty where they are as runs write them."""
    if not all(map(_is_event, result.deciding)):
        return "deciding holds something else than events"
    if result.causes is not None and not _is_tree(result.causes):
        return "causes is no tree of requests"
    return ""


def _is_event(shape: Mapping[str, Any]) -> bool:
    fields = shape.get("fields")
    named = isinstance(fields, dict) and all(isinstance(value, str) for value in fields.values())
    numbers = all(type(shape.get(name, 1)) in {int, float} for name in ("seq", "ms", "times"))
    kinds = isinstance(shape.get("type"), str) and isinstance(shape.get("service"), str)
    return named and numbers and kinds and "ms" in shape and "seq" in shape


def _is_tree(shape: Mapping[str, Any]) -> bool:
    """Whether it can be rendered, which reads all of it."""
    from faultbox.trace.tree import render

    try:
        return all(isinstance(line, str) for line in render(shape))
    except (KeyError, TypeError, AttributeError, ValueError, IndexError, RecursionError):
        return False
