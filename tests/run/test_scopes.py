"""Scopes stack, every change is acknowledged, and what was not prepared is refused out loud."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from faultbox.model.fault import Action, ActionKind, Counts, Fault, Port, Rule, RuleSet
from faultbox.model.host import SpecError
from faultbox.model.message import MessageAction, MessageFault, MessageRule, MessageRuleSet
from faultbox.model.source import Position
from faultbox.run.armed import Counters
from faultbox.run.scopes import AnyRule, Scopes

AT = Position("x.star", 1)
DENY = Action(ActionKind.DENY, errno=5)


class Decider:
    """A supervisor, or the edges, as scopes see them."""

    def __init__(self) -> None:
        self.sets: list[RuleSet | MessageRuleSet] = []
        self.released = 0

    def swap(self, ruleset: RuleSet | MessageRuleSet) -> None:
        self.sets.append(ruleset)

    def release(self) -> int:
        self.released += 1
        return 0

    def knows(self, service: str, interface: str) -> bool:
        return (service, interface) == ("db", "main")

    def refused(self, slot: int) -> int:
        return 3

    @property
    def in_force(self) -> list[str]:
        return [rule.id for rule in self.sets[-1].rules]


class Ground:
    def __init__(self, case: Path) -> None:
        self.db, self.api, self.edges = Decider(), Decider(), Decider()
        self.told: list[tuple[str, list[str]]] = []
        self.severed: list[frozenset[int]] = []
        filters = {"db": {"write", "fsync", "connect"}, "api": {"connect"}}
        self.scopes = Scopes(
            {"db": self.db, "api": self.api},  # type: ignore[dict-item]
            filters,
            {"db": frozenset({"fsync"})},
            Counters(case),
            edges=self.edges,  # type: ignore[arg-type]
            sever=self._sever,
            told=self._tell,
        )

    def _sever(self, service: str, ports: frozenset[int]) -> int:
        assert service == "db"
        self.severed.append(ports)
        return 1

    def _tell(self, kind: str, rules: Sequence[AnyRule]) -> None:
        self.told.append((kind, [rule.id for rule in rules]))


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


def rule(name: str, service: str = "db", call: str = "write", **fault: object) -> Rule:
    return Rule(name, service, service, call, frozenset({call}), Fault(DENY, AT, **fault))  # type: ignore[arg-type]


def inbound(name: str, **fault: object) -> Rule:
    ports = (Port("db", "main", 5432),)
    calls = frozenset({"connect"})
    met = Fault(DENY, AT, **fault)  # type: ignore[arg-type]
    return Rule(name, "api", "db", "connect", calls, met, destinations=ports, direction="in")


def message(name: str, service: str = "db") -> MessageRule:
    return MessageRule(name, service, "main", "tcp", MessageFault(MessageAction.DROP, AT))


def test_what_was_armed_later_is_inner(ground: Ground) -> None:
    ground.scopes.begin([rule("outer")])
    inner = ground.scopes.begin([rule("inner 1"), rule("inner 2")])
    assert ground.db.in_force == ["inner 1", "inner 2", "outer"]
    ground.scopes.end(inner)
    assert ground.db.in_force == ["outer"]


def test_only_services_that_a_scope_touches_are_told(ground: Ground) -> None:
    ground.scopes.begin([rule("a")])
    assert len(ground.db.sets) == 1
    assert ground.api.sets == []
    assert ground.edges.sets == []


def test_epochs_grow_and_observations_stay(ground: Ground) -> None:
    first = ground.scopes.begin([rule("a")])
    ground.scopes.end(first)
    assert ground.db.sets[0].epoch < ground.db.sets[1].epoch
    assert all(isinstance(each, RuleSet) and each.observed == {"fsync"} for each in ground.db.sets)


def test_ending_twice_is_harmless(ground: Ground) -> None:
    handle = ground.scopes.begin([rule("a")])
    ground.scopes.end(handle)
    ground.scopes.end(handle)
    assert [kind for kind, _ in ground.told] == ["fault_applied", "fault_removed"]


def test_a_call_that_no_filter_notifies_is_refused_before_anything_changes(ground: Ground) -> None:
    with pytest.raises(SpecError, match=r"db: rename=deny\(EIO\): db was started without a filter for rename"):
        ground.scopes.begin([rule("fine"), rule("lost", call="rename")])
    assert ground.db.sets == []
    assert ground.scopes.ever == ()


def test_an_edge_without_a_proxy_is_refused(ground: Ground) -> None:
    with pytest.raises(SpecError, match=r"no proxy stands before cache\.main"):
        ground.scopes.begin([message("m", service="cache")])


def test_messages_go_to_the_edges_innermost_first(ground: Ground) -> None:
    ground.scopes.begin([message("outer")])
    ground.scopes.begin([message("inner"), rule("call")])
    assert ground.edges.in_force == ["inner", "outer"]
    assert ground.db.in_force == ["call"]


def test_every_rule_has_counters_of_its_own(ground: Ground) -> None:
    ground.scopes.begin([rule("a"), rule("b")])
    first = ground.scopes.begin([rule("a")])
    ground.scopes.end(first)
    assert [each.slot for each in ground.scopes.ever] == [0, 1, 2]
    assert ground.scopes.counts(ground.scopes.ever[0]) == Counts()


def test_a_denied_edge_meets_its_pools_unless_they_are_spared(ground: Ground) -> None:
    ground.scopes.begin([inbound("cut")])
    ground.scopes.begin([inbound("spared", existing="keep")])
    assert ground.severed == [frozenset({5432})]
    cut, spared = ground.scopes.ever
    assert (ground.scopes.counts(cut), ground.scopes.counts(spared)) == (Counts(1, 1, 1), Counts())


def test_cut_connections_count_for_the_rule_of_the_service_itself(ground: Ground) -> None:
    outward = dataclasses.replace(inbound("out"), service="db", direction="out", destinations=())
    ground.scopes.begin([inbound("in"), outward])
    inward, own = ground.scopes.ever
    assert (ground.scopes.counts(inward), ground.scopes.counts(own)) == (Counts(), Counts(1, 1, 1))


def test_at_the_end_nothing_is_in_force_and_nothing_can_be_armed(ground: Ground) -> None:
    ground.scopes.begin([rule("a"), message("m")])
    ground.scopes.end_all()
    assert (ground.db.in_force, ground.edges.in_force) == ([], [])
    assert (ground.db.released, ground.api.released, ground.edges.released) == (1, 1, 1)
    before = len(ground.db.sets)
    ground.scopes.begin([rule("late")])
    assert len(ground.db.sets) == before


def test_connections_that_the_kernel_refused_count_for_their_rule(ground: Ground) -> None:
    ground.scopes.begin([message("m"), rule("call")])
    assert [ground.scopes.counts(each) for each in ground.scopes.ever] == [Counts(3, 3, 3), Counts()]
