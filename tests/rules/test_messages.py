"""One message after another, and what becomes of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from faultbox.model.fault import Counts, Trigger
from faultbox.model.message import MessageAction, MessageDecision, MessageFault, MessageRule, Side, Unknown
from faultbox.model.source import Position
from faultbox.model.topology import Endpoint, Interface
from faultbox.rules import MessageTally, bind_messages, decide_message, patterns

HERE = Position("spec.star", 1)
MAIN = Endpoint("db", Interface("main", "http", 80, HERE))


@dataclass
class FakeMessage:
    values: Mapping[str, str | None] = field(default_factory=dict)
    side: Side = "request"
    identity: str = "http GET /a"
    summary: Mapping[str, str] = field(default_factory=dict)

    def value(self, key: str) -> str | None:
        if key == "body":
            raise Unknown
        return self.values.get(key)


def a_fault(
    action: str = "error",
    *,
    side: Side = "request",
    match: Mapping[str, str] | None = None,
    trigger: Mapping[str, Any] | None = None,
    **arguments: Any,
) -> MessageFault:
    return MessageFault(MessageAction(action), HERE, side, match or {}, arguments, Trigger(**(trigger or {})))


def armed(*faults: MessageFault) -> list[MessageRule]:
    rules = bind_messages(faults, MAIN, scope_id="scope")
    return [replace(rule, slot=slot) for slot, rule in enumerate(rules)]


class Edge:
    """Rules that stand at a caller's edge."""

    def __init__(
        self, *faults: MessageFault, seed: int = 1, caller: str = "api", tally: MessageTally | None = None
    ) -> None:
        self.rules = armed(*faults)
        self.tally = tally or MessageTally([0] * 64)
        self.standing = self.tally.standing_messages(self.rules, lambda _, glob: patterns.tester("text", glob), caller)
        self.seed = seed

    def meets(self, **message: Any) -> MessageDecision:
        return decide_message(self.standing, FakeMessage(**message), self.tally, self.seed)

    def counts(self, slot: int = 0) -> Counts:
        return self.tally.counts(self.rules[slot])


def actions(edge: Edge, count: int, **message: Any) -> list[str]:
    return [
        str(decision.act.action) if decision.act else "-" for decision in (edge.meets(**message) for _ in range(count))
    ]


def test_ids_are_the_scope_the_interface_and_the_action() -> None:
    rules = bind_messages(
        [a_fault(), a_fault(), a_fault("drop")], MAIN, scope_id="down", source="api", assumption="down"
    )
    assert [rule.id for rule in rules] == [
        "down/db.main/error/api",
        "down/db.main/error/api#2",
        "down/db.main/drop/api",
    ]
    assert {(rule.service, rule.interface, rule.protocol, rule.source, rule.assumption) for rule in rules} == {
        ("db", "main", "http", "api", "down")
    }


def test_the_first_that_decides_does_and_delays_before_it_add_up() -> None:
    edge = Edge(
        a_fault("delay", delay_ms=100),
        a_fault("slow", rate=50),
        a_fault("slow", rate=10),
        a_fault("error"),
        a_fault("drop"),
        a_fault("delay", delay_ms=1),
    )
    decision = edge.meets()
    assert (decision.delay_ms, decision.rate, decision.act) == (100, 10, edge.rules[3].fault)
    assert [each.rule.id.rpartition("/")[2] for each in decision.fired] == ["delay", "slow", "slow#2", "error"]
    assert edge.counts(4) == (1, 1, 0, 0)
    assert edge.tally.shadowed == {(edge.rules[4].id, edge.rules[3].id): 1, (edge.rules[5].id, edge.rules[3].id): 1}


def test_a_response_that_only_delays_decides_nothing() -> None:
    decision = Edge(a_fault("response", delay_ms=5), a_fault("error")).meets()
    assert (decision.delay_ms, decision.act and decision.act.action) == (5, MessageAction.ERROR)


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        ({"path": "/a", "method": "GET"}, (1, 1, 1, 0)),
        ({"path": "/b", "method": "GET"}, (1, 0, 0, 0)),
        ({"path": "/a"}, (1, 0, 0, 0)),
    ],
)
def test_every_key_must_fit(values: Mapping[str, str], counts: Sequence[int]) -> None:
    edge = Edge(a_fault(match={"path": "/a", "method": "G*"}))
    edge.meets(values=values)
    assert edge.counts() == counts


def test_what_can_not_be_known_is_counted_and_no_match() -> None:
    edge = Edge(a_fault(match={"body": "*"}))
    assert edge.meets().act is None
    assert edge.counts() == (1, 0, 0, 1)


def test_a_rule_sees_its_side_alone() -> None:
    edge = Edge(a_fault(side="response"))
    assert edge.meets().act is None
    assert edge.meets(side="response").act is not None
    assert edge.counts() == (1, 1, 1, 0)


@pytest.mark.parametrize(
    ("trigger", "said"),
    [
        ({"nth": 2}, "-e--"),
        ({"first": 2}, "ee--"),
        ({"after": 2}, "--ee"),
        ({"every": 2}, "-e-e"),
        ({"probability": 0.0}, "----"),
    ],
)
def test_triggers(trigger: Mapping[str, Any], said: str) -> None:
    assert "".join(each[0] for each in actions(Edge(a_fault(trigger=trigger)), 4)) == said


def test_triggers_count_and_draws_are_made_for_each_caller_apart() -> None:
    api = Edge(a_fault(trigger={"nth": 1}))
    driver = Edge(a_fault(trigger={"nth": 1}), caller="driver", tally=api.tally)
    assert [actions(api, 2), actions(driver, 2)] == [["error", "-"], ["error", "-"]]
    assert api.counts() == (4, 4, 2, 0)

    def drawn(caller: str, seed: int, others: int) -> list[str]:
        edge = Edge(a_fault(trigger={"probability": 0.5}), caller=caller, seed=seed)
        other = Edge(a_fault(trigger={"probability": 0.5}), caller="other", seed=seed, tally=edge.tally)
        return [(actions(other, others), actions(edge, 1)[0])[1] for _ in range(40)]

    assert drawn("api", 1, 0) == drawn("api", 1, 3)
    assert drawn("api", 1, 0) != drawn("api", 2, 0)
    assert drawn("api", 1, 0) != drawn("driver", 1, 0)
    assert 5 < drawn("api", 1, 0).count("error") < 35


def test_a_rule_without_a_slot_is_refused() -> None:
    rules = bind_messages([a_fault()], MAIN, scope_id="scope")
    with pytest.raises(ValueError, match="has no slot"):
        MessageTally([0] * 8).standing_messages(rules, lambda _, glob: patterns.tester("text", glob), "api")
