"""Whether two loads of a spec mean the same by a function or a case's faults."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from faultbox.model.plan import Case
from faultbox.model.spec import Spec
from faultbox.plan.edges import message_rules
from faultbox.rules import bind
from faultbox.spec import describe
from faultbox.spec.semantics.values import SpecFunction


def alike(before: object, after: object) -> bool:
    """Whether two functions do the same: their text, and that of all functions of the spec that they name."""
    return _texts(before) == _texts(after)


def _texts(function: object) -> dict[str, str]:
    """The syntax of a function and of those it names, by name, whatever stands where in the file."""
    found: dict[str, str] = {}
    waiting = [getattr(function, "function", function)]
    while waiting:
        each = waiting.pop()
        if isinstance(each, SpecFunction):
            info = describe(each)
            key = f"{info.name} {ast.dump(info.node)}"
            if key not in found:
                found[key] = info.name
                waiting += _named(each)
    return found


def _named(function: SpecFunction) -> Iterator[object]:
    info = describe(function)
    names = {**info.globals, **info.closure}
    for node in ast.walk(info.node):
        if isinstance(node, ast.Name) and node.id in names:
            yield names[node.id]


def fault_texts(case: Case, spec: Spec) -> list[str]:
    """A case's rules in words, in their order."""
    calls = (rule for each in case.faults for rule in bind(each, spec.services, scope_id=each.name))
    messages = message_rules(case, spec)
    texts = [f"{rule.id} {rule.service} {rule.target} {rule.keyword} {rule.written}" for rule in calls]
    return texts + [f"{rule.id} {rule.source} {rule.service} {rule.interface} {rule.written}" for rule in messages]
