"""Which rules are in force in a world, and what they have counted.

Scopes stack, what was armed later is inner. A change is a new immutable rule set for every
service it touches, acknowledged by that service's supervisor before anything goes on.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from faultbox import rules as engine
from faultbox.model.fault import ActionKind, Counts, Rule, RuleSet
from faultbox.model.host import SpecError
from faultbox.model.message import MessageRule, MessageRuleSet
from faultbox.run.armed import Counters
from faultbox.syscalls import Supervisor

if TYPE_CHECKING:
    from faultbox.run.edges import Edges

AnyRule = Rule | MessageRule


class Scopes:
    """The stack of scopes, for system calls and for messages alike.

    `sever(service, ports)` cuts its callers' established connections; `told` hears of every change.
    """

    def __init__(
        self,
        supervisors: Mapping[str, Supervisor],
        filters: Mapping[str, Collection[str]],
        observed: Mapping[str, frozenset[str]],
        counters: Counters,
        *,
        edges: Edges | None,
        sever: Callable[[str, frozenset[int]], int],
        told: Callable[[str, Sequence[AnyRule]], None],
    ) -> None:
        self._supervisors = supervisors
        self._filters = filters
        self._observed = dict(observed)
        self._counters = counters
        self._edges = edges
        self._sever = sever
        self._told = told
        self._scopes: dict[int, tuple[AnyRule, ...]] = {}
        self._ever: list[AnyRule] = []
        self._cut: dict[int, int] = {}
        """By the slot of a rule, how many established connections its beginning has cut."""
        self._next = 1
        self._epoch = 0
        self._lock = threading.RLock()
        self._closed = False

    def begin(self, wanted: Sequence[AnyRule]) -> int:
        """Arm rules as the innermost scope; returns its handle once everyone who decides by them has them.

        Raises SpecError where a rule needs a system call that its service's filter doesn't notify,
        or an edge that no proxy stands on.
        """
        with self._lock:
            self._check_prepared(wanted)
            scope = tuple(self._with_slot(rule) for rule in wanted)
            handle, self._next = self._next, self._next + 1
            if self._closed:
                return handle
            self._scopes[handle] = scope
            self._ever.extend(scope)
            self._swap(scope)
            self._told("fault_applied", scope)
            self._sever_callers([rule for rule in scope if isinstance(rule, Rule)])
            return handle

    def end(self, handle: int) -> None:
        """End a scope; ending one twice is harmless."""
        with self._lock:
            scope = self._scopes.pop(handle, ())
            if scope:
                self._swap(scope)
                self._told("fault_removed", scope)

    def end_all(self) -> None:
        """Disarm everything for good and let go of every call that is held up."""
        with self._lock:
            self._closed = True
            self._scopes.clear()
            self._observed.clear()
            self._swap_calls(self._supervisors)
            for supervisor in self._supervisors.values():
                supervisor.release()
            if self._edges is not None:
                self._swap_messages(self._edges)
                self._edges.release()

    @property
    def ever(self) -> tuple[AnyRule, ...]:
        """Every rule that was armed in this case, each with the slot of its counters."""
        with self._lock:
            return tuple(self._ever)

    def counts(self, rule: AnyRule) -> Counts:
        counts = self._counters.read(rule.slot)
        if isinstance(rule, MessageRule) and self._edges is not None:
            refused = self._edges.refused(rule.slot)
            counts += Counts(refused, refused, refused)
        cut = self._cut.get(rule.slot, 0)
        return counts + Counts(cut, cut, cut)

    def start(self, from_start: Sequence[Rule]) -> None:
        """Give every supervisor its first rule set: the rules that hold from a service's own start."""
        with self._lock:
            if from_start:
                self.begin(from_start)
            self._swap_calls(self._supervisors)

    def _with_slot(self, rule: AnyRule) -> AnyRule:
        return dataclasses.replace(rule, slot=self._counters.claim())

    def _check_prepared(self, wanted: Sequence[AnyRule]) -> None:
        for rule in wanted:
            if isinstance(rule, MessageRule):
                if self._edges is None or not self._edges.knows(rule.service, rule.interface):
                    raise _not_prepared(rule.text, f"no proxy stands before {rule.service}.{rule.interface}")
                continue
            missing = rule.syscalls - frozenset(self._filters.get(rule.service, ()))
            if missing:
                lacking = f"{rule.service} was started without a filter for {', '.join(sorted(missing))}"
                raise _not_prepared(rule.text, lacking)

    def _swap(self, changed: Sequence[AnyRule]) -> None:
        """Tell those who decide by rules of a scope that began or ended what is in force now."""
        self._swap_calls({rule.service for rule in changed if isinstance(rule, Rule)})
        if self._edges is not None and any(isinstance(rule, MessageRule) for rule in changed):
            self._swap_messages(self._edges)

    def _swap_calls(self, services: Collection[str]) -> None:
        self._epoch += 1
        for name in sorted(services):
            supervisor = self._supervisors.get(name)
            if supervisor is not None:
                mine = [
                    [rule for rule in scope if isinstance(rule, Rule) and rule.service == name]
                    for scope in self._in_order()
                ]
                observed = self._observed.get(name, frozenset())
                supervisor.swap(RuleSet(engine.compose(*mine), observed, self._epoch))

    def _swap_messages(self, edges: Edges) -> None:
        self._epoch += 1
        innermost_first = reversed(self._in_order())
        rules = [rule for scope in innermost_first for rule in scope if isinstance(rule, MessageRule)]
        edges.swap(MessageRuleSet(tuple(rules), self._epoch))

    def _in_order(self) -> list[tuple[AnyRule, ...]]:
        """The scopes in the order in which they began."""
        return [self._scopes[handle] for handle in sorted(self._scopes)]

    def _sever_callers(self, scope: Sequence[Rule]) -> None:
        """An inbound deny meets pooled connections too: they are cut, unless existing="keep".

        Whose they were isn't known, so they count for the rule of the service itself where it has one.
        """
        denying = [rule for rule in scope if rule.fault.action.kind is ActionKind.DENY]
        severing = [rule for rule in denying if rule.direction == "in" and rule.fault.existing == "sever"]
        denied = {port for rule in severing for port in rule.destinations}
        for service in sorted({port.service for port in denied}):
            cut = self._sever(service, frozenset(port.port for port in denied if port.service == service))
            rules = [rule for rule in denying if rule.target == service and "connect" in rule.syscalls]
            own = next((rule for rule in rules if rule.service == service), rules[0])
            self._cut[own.slot] = self._cut.get(own.slot, 0) + cut


def _not_prepared(rule: str, lacking: str) -> SpecError:
    return SpecError(
        "NOT_PREPARED",
        f"{rule}: {lacking}, because the plan could not see in the scenario that this fault may be armed",
        accepted="write the service, and the interface or the system call, literally where fault() is called, "
        "or name the fault in a fault_assumption()",
    )
