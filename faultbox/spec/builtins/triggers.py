"""Which of what a fault matches it fires on: the keywords of every action."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from faultbox.model.fault import Trigger
from faultbox.spec.builtins import kinds
from faultbox.spec.builtins.declare import Call

TRIGGERS: Mapping[str, kinds.Kind] = {
    "nth": kinds.at_least(1),
    "first": kinds.at_least(1),
    "after": kinds.at_least(0),
    "every": kinds.at_least(1),
    "probability": kinds.probability,
}


def triggered(
    call: Call,
    *,
    nth: int | None = None,
    first: int | None = None,
    after: int | None = None,
    every: int | None = None,
    probability: float = 1.0,
) -> Trigger:
    """What the keywords mean together. One that nothing can meet is allowed, but hardly meant: it is warned of."""
    if probability == 0:
        call.warn("NEVER_FIRES", "probability=0 means never", at="probability")
    elif nth is not None and _excluded(nth, first, after, every):
        call.warn("NEVER_FIRES", f"nothing is number {nth} and also what first, after and every ask for", at="nth")
    elif first is not None and after is not None and first <= after:
        call.warn("NEVER_FIRES", f"nothing is among the first {first} and beyond the first {after}", at="first")
    return Trigger(nth, first, after, every, probability)


def _excluded(nth: int, first: int | None, after: int | None, every: int | None) -> bool:
    beyond = first is not None and nth > first
    before = after is not None and nth <= after
    return beyond or before or (every is not None and nth % every != 0)


def with_keywords(body: Callable[..., Any], shared: Callable[..., Any], names: Mapping[str, Any]) -> Any:
    """A builtin's body to whose keywords and docstring are added those of a function that it passes them to.

    The body gets them as one dict, after the call.
    """
    own = inspect.signature(body)
    added = [each for each in inspect.signature(shared).parameters.values() if each.name in names]
    _call, _given, *parameters = own.parameters.values()
    rest = [each for each in parameters if each.kind is inspect.Parameter.VAR_KEYWORD]
    first = [each for each in parameters if each.kind is not inspect.Parameter.VAR_KEYWORD]

    def joined(call: Call, *args: Any, **named: Any) -> object:
        return body(call, {each.name: named.pop(each.name) for each in added}, *args, **named)

    joined.__signature__ = own.replace(parameters=[_call, *first, *added, *rest])  # type: ignore[attr-defined]
    joined.__module__ = body.__module__
    joined.__doc__ = f"{inspect.getdoc(body)}\n{inspect.getdoc(shared)}\ngives: a fault"
    return joined
