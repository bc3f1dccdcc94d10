"""Which events are meant, as a value: match.event(), match.any(), match.all(), match.never()."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from faultbox.model.event import Event
from faultbox.model.frozen import frozen
from faultbox.spec.builtins import filters, kinds
from faultbox.spec.builtins.declare import Call, builtin
from faultbox.spec.builtins.filters import Filter
from faultbox.spec.builtins.values import is_function

Alternative = tuple[Mapping[str, str], tuple[object, ...]]
Shapes = tuple[Mapping[str, str], ...]


@frozen
class Several:
    """Events that `every` one of the parts means, or any of them; without parts none is meant."""

    parts: tuple[Filter | Several, ...]
    every: bool = False

    def __call__(self, event: Event) -> bool:
        return (all if self.every else any)(part(event) for part in self.parts)

    def __str__(self) -> str:
        inner = ", ".join(map(str, self.parts))
        return f"match.{'all' if self.every else 'any'}({inner})" if self.parts else "match.never()"


Matcher = Filter | Several


def shapes_of(matcher: Matcher) -> Shapes | None:
    """Filters one of which every meant event fits; None where only a function tells."""
    if isinstance(matcher, Filter):
        return (matcher.fields,) if matcher.fields or matcher.where is None else None
    found = [shapes_of(part) for part in matcher.parts]
    if not matcher.every:
        return None if None in found else tuple(shape for each in found if each is not None for shape in each)
    told = [each for each in found if each is not None]
    return tuple(_merged(each) for each in itertools.product(*told)) if told else None


def _merged(shapes: Shapes) -> Mapping[str, str]:
    return {name: value for shape in shapes for name, value in shape.items()}


def alternatives(matcher: Matcher) -> tuple[Alternative, ...]:
    """Of what is meant each event fits one of these: filters, with functions that choose besides."""
    if isinstance(matcher, Filter):
        return ((matcher.fields, () if matcher.where is None else (matcher.where,)),)
    found = [alternatives(part) for part in matcher.parts]
    if not matcher.every:
        return tuple(each for several in found for each in several)
    both = (
        (_merged(tuple(shape for shape, _ in each)), tuple(one for _, ones in each for one in ones))
        for each in itertools.product(*found)
    )
    return tuple(both)


def functions_of(matcher: Matcher | None) -> tuple[object, ...]:
    """The functions of the spec that a matcher asks."""
    if matcher is None:
        return ()
    if isinstance(matcher, Several):
        return tuple(each for part in matcher.parts for each in functions_of(part))
    return (matcher.where,) if matcher.where is not None else ()


def matcher(value: Any, label: str) -> Matcher:
    """a matcher like match.event(type="stdout"), a dict of filters, or a function of one event"""
    if isinstance(value, Filter | Several):
        return value
    if is_function(value):
        return Filter({}, kinds.function_of(1)(value, label))
    return filters.filter_or_function(value, label)


@builtin("match.event", filters=filters.value)
def event(_call: Call, **filters: str) -> Filter:
    """Means the events whose fields are as given; without any it means every event.

    **filters: what the fields must be: type="syscall", service="db", decision="deny*"
    gives: a matcher, for monitor(on=) and assert_before()
    """
    return Filter.of(filters)


@builtin("match.any", matchers=matcher)
def any_of(_call: Call, *matchers: Matcher) -> Several:
    """Means the events that at least one of several matchers means.

    *matchers: matchers, dicts of filters, or functions of one event
    gives: a matcher
    """
    return Several(matchers)


@builtin("match.all", matchers=matcher)
def all_of(_call: Call, *matchers: Matcher) -> Matcher:
    """Means the events that all of several matchers mean; without any it means every event.

    *matchers: matchers, dicts of filters, or functions of one event
    gives: a matcher
    """
    return Several(matchers, every=True) if matchers else Filter({})


@builtin("match.never")
def never(_call: Call) -> Several:
    """Means no event.

    gives: a matcher
    """
    return Several(())
