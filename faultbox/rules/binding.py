"""From what a spec says about a service to rules about calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from faultbox.model.fault import Assumption, Direction, Fault, Rule
from faultbox.model.syscalls import expand
from faultbox.model.topology import Service

_CONNECT = frozenset(("connect",))

Pairs = Sequence[tuple[str, Fault]]


def bind(
    faults: Assumption | Pairs,
    services: Mapping[str, Service],
    *,
    scope_id: str,
    target: str = "",
    assumption: str = "",
) -> tuple[Rule, ...]:
    """The rules of an assumption with all it is composed of, or of (keyword, fault) pairs on `target`.

    A keyword is an operation of the service, a family or a system call; `Rule.slot` is left to
    whoever owns the counters. An assumption that is composed in twice applies once. Ids are
    `scope_id`, the assumption where it is another, keyword, direction and caller, and a number where
    several would be equal. Raises UnknownSyscall, and KeyError for a service that does not exist.
    """
    if not isinstance(faults, Assumption):
        return _numbered(_rules(faults, services, target, scope_id, assumption))
    leaves = {id(leaf): leaf for leaf in faults.leaves()}.values()
    return _numbered(
        rule
        for leaf in leaves
        for rule in _rules(leaf.faults, services, leaf.target, _joined(scope_id, leaf.name), leaf.name)
    )


def compose(*scopes: Sequence[Rule]) -> tuple[Rule, ...]:
    """Scopes given in the order they began, as one list for `decide`: the last begun, innermost, first."""
    return tuple(rule for scope in reversed(scopes) for rule in scope)


def _joined(scope_id: str, name: str) -> str:
    return name if scope_id in ("", name) else f"{scope_id}/{name}"


def _rules(pairs: Pairs, services: Mapping[str, Service], target: str, prefix: str, assumption: str) -> Iterator[Rule]:
    for keyword, fault in pairs:
        operation = services[target].ops.get(keyword)
        names = operation.syscalls if operation else (keyword,)
        syscalls = frozenset().union(*(expand(name) for name in names))
        rule = Rule(
            id=f"{prefix}/{keyword}" if prefix else keyword,
            service=target,
            target=target,
            keyword=keyword,
            syscalls=syscalls,
            fault=fault,
            path=fault.path or (operation.path if operation else ""),
            assumption=assumption,
        )
        yield from _ends(rule, services) if "connect" in syscalls else (rule,)


def _ends(rule: Rule, services: Mapping[str, Service]) -> Iterator[Rule]:
    """Both ends of the edges that a rule with `connect` names: calls its service makes, and calls made to it."""
    wanted = rule.fault.direction
    if wanted != "in":
        yield replace(rule, id=f"{rule.id}/out", direction=_outward(rule))
    destinations = tuple(endpoint.destination for endpoint in services[rule.target].endpoints)
    if wanted == "out" or rule.path or not destinations:
        return
    for caller in sorted(services):
        if caller != rule.target:
            yield replace(
                rule,
                id=f"{rule.id}/in/{caller}",
                service=caller,
                syscalls=_CONNECT,
                destinations=destinations,
                direction="in",
            )


def _outward(rule: Rule) -> Direction | None:
    return "out" if rule.syscalls == _CONNECT else None


def _numbered(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    met: Counter[str] = Counter()
    unique = []
    for rule in rules:
        met[rule.id] += 1
        unique.append(rule if met[rule.id] == 1 else replace(rule, id=f"{rule.id}#{met[rule.id]}"))
    return tuple(unique)
