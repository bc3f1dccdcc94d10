"""One call after another, and what becomes of each."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultbox.model.fault import Action, ActionKind, Counts, Decision, Fault, Port, Rule, Trigger
from faultbox.model.source import Position
from faultbox.rules import Tally, Thing, compose, decide, draw, meets

HERE = Position("spec.star", 1)
DB = Port("db", "main", 5432)
API = Port("api", "public", 8080)


@dataclass
class FakeCall:
    name: str = "write"
    destination: Port | None = None
    identity: str = "write file /data/a"
    acts_on: Sequence[Thing] = field(default_factory=lambda: (Thing("file", "/data/a"),))

    def things(self, rule: Rule) -> Sequence[Thing]:
        return self.acts_on

    def within(self, path: str, glob: str) -> bool:
        return meets(path, glob)


def a_fault(
    kind: str = "deny", *, errno: int = 5, delay_ms: float = 0, trigger: dict[str, Any] | None = None, on: Any = None
) -> Fault:
    action = Action(ActionKind(kind), errno if kind == "deny" else 0, delay_ms)
    return Fault(action, HERE, Trigger(**(trigger or {})), on=on)


def a_rule(
    slot: int,
    kind: str = "deny",
    *,
    syscalls: Sequence[str] = ("write",),
    path: str = "",
    destinations: tuple[Port, ...] = (),
    **fault: Any,
) -> Rule:
    return Rule(
        f"r{slot}", "db", "db", "write", frozenset(syscalls), a_fault(kind, **fault), path, destinations, slot=slot
    )


def a_tally(slots: int = 8) -> Tally:
    return Tally([0] * 4 * slots)


def decided(rules: Sequence[Rule], calls: Sequence[FakeCall], tally: Tally | None = None) -> list[Decision]:
    tally = tally or a_tally()
    standing = tally.standing(rules)
    return [decide(standing, call, tally, 1) for call in calls]


def test_a_call_without_a_rule_goes_on() -> None:
    (decision,) = decided([], [FakeCall()])
    assert (decision.errno, decision.delay_ms, decision.fired) == (0, 0, ())


def test_the_first_rule_that_answers_decides_and_delays_before_it_add_up() -> None:
    rules = [
        a_rule(0, "delay", delay_ms=10),
        a_rule(1, "delay", delay_ms=5),
        a_rule(2, errno=28),
        a_rule(3, "delay", delay_ms=100),
        a_rule(4, errno=5),
    ]
    tally = a_tally()
    (decision,) = decided(rules, [FakeCall()], tally)
    assert (decision.delay_ms, decision.errno) == (15, 28)
    assert [each.rule.id for each in decision.fired] == ["r0", "r1", "r2"]
    assert tally.counts(rules[4]) == Counts(seen=1, matched=1, fired=0)
    assert tally.shadowed["r4", "r2"] == 1


def test_allow_answers() -> None:
    (decision,) = decided([a_rule(0, "allow"), a_rule(1)], [FakeCall()])
    assert decision.errno == 0
    assert [each.rule.id for each in decision.fired] == ["r0"]


def test_what_was_armed_last_is_asked_first() -> None:
    outer, inner = a_rule(0, errno=5), a_rule(1, errno=28, trigger={"nth": 1})
    first, second = decided(compose([outer], [inner]), [FakeCall()] * 2)
    assert (first.errno, second.errno) == (28, 5)


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ({"nth": 3}, [3]),
        ({"first": 2}, [1, 2]),
        ({"after": 4}, [5, 6, 7]),
        ({"every": 3}, [3, 6]),
        ({"after": 2, "every": 2, "first": 6}, [4, 6]),
        ({"probability": 0.0}, []),
        ({"probability": 1.0}, [1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_triggers_count_matching_calls_from_one(trigger: dict[str, float], expected: list[int]) -> None:
    calls = [FakeCall()] * 7
    tally = a_tally()
    rule = a_rule(0, trigger=trigger, path="/data/*")
    elsewhere = FakeCall(acts_on=[Thing("file", "/tmp/a")])
    decisions = decided([rule], [call for each in calls for call in (elsewhere, each)], tally)
    assert [index // 2 + 1 for index, each in enumerate(decisions) if each.errno] == expected
    assert [fired.number for each in decisions for fired in each.fired] == expected
    assert tally.counts(rule) == Counts(seen=14, matched=7, fired=len(expected))


def test_nth_counts_calls_that_another_rule_answered() -> None:
    decisions = decided([a_rule(0, trigger={"nth": 1}), a_rule(1, trigger={"nth": 3})], [FakeCall()] * 4)
    assert [bool(each.errno) for each in decisions] == [True, False, True, False]


def test_an_unresolved_path_never_matches_and_is_counted() -> None:
    tally = a_tally()
    rule = a_rule(0, path="/data/*")
    unknown, socket = FakeCall(acts_on=[Thing("file", None)]), FakeCall(acts_on=[Thing("socket", "")])
    assert [each.errno for each in decided([rule], [unknown, socket], tally)] == [0, 0]
    assert tally.counts(rule) == Counts(seen=2, unresolved=1)


def test_either_path_of_a_rename_is_met() -> None:
    call = FakeCall(name="rename", acts_on=[Thing("file", "/tmp/new"), Thing("file", "/data/a")])
    (decision,) = decided([a_rule(0, syscalls=["rename"], path="/data/*")], [call])
    assert decision.errno == 5


def test_on_and_path_must_hold_for_the_same_thing() -> None:
    call = FakeCall(name="splice", acts_on=[Thing("pipe", ""), Thing("file", "/data/a")])
    rules = [a_rule(0, syscalls=["splice"], path="/data/*", on="pipe")]
    assert decided(rules, [call])[0].errno == 0
    assert decided([a_rule(0, syscalls=["splice"], on="pipe")], [call])[0].errno == 5


def test_destinations() -> None:
    rule = a_rule(0, syscalls=["connect"], destinations=(DB,))
    calls = [FakeCall(name="connect", destination=each) for each in (DB, API, None)]
    assert [each.errno for each in decided([rule], calls)] == [5, 0, 0]


def test_draws_are_a_function_of_their_key() -> None:
    key = (7, "rule", "db", "write file /a", 1)
    assert draw(*key) == draw(*key)
    others = [(8, *key[1:]), (7, "rul", "edb", *key[3:]), (*key[:4], 2), (-7, *key[1:]), (*key[:3], "x\udcff", 1)]
    assert len({draw(*key), *(draw(*other) for other in others)}) == 6


def test_draws_spread_evenly() -> None:
    below = sum(draw(1, "r", "db", "write", n) < 0.3 for n in range(10_000))
    assert 2_850 < below < 3_150


@given(st.integers(), st.randoms(use_true_random=False), st.floats(0.05, 0.95))
def test_probability_does_not_depend_on_interleaving(seed: int, shuffle: random.Random, probability: float) -> None:
    seed %= 1 << 63
    rule = a_rule(0, trigger={"probability": probability})

    def outcome(order: list[str]) -> dict[str, list[bool]]:
        tally, taken = a_tally(), {}
        for identity in order:
            fired = bool(decide(tally.standing([rule]), FakeCall(identity=identity), tally, seed).fired)
            taken.setdefault(identity, []).append(fired)
        return taken

    order = [f"write file /{name}" for name in "abcd" for _ in range(10)]
    shuffled = order.copy()
    shuffle.shuffle(shuffled)
    assert outcome(order) == outcome(shuffled)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["deny", "delay", "allow"]),
            st.fixed_dictionaries({}, optional={key: st.integers(1, 4) for key in ("nth", "first", "after", "every")}),
            st.sampled_from(["", "/data/*", "/x"]),
        ),
        max_size=5,
    ),
    st.lists(st.sampled_from(["/data/a", "/x", None, ""]), max_size=20),
)
def test_counts_add_up(shapes: list[Any], paths: list[str | None]) -> None:
    rules = [
        a_rule(slot, kind, trigger=trigger, path=path, delay_ms=1) for slot, (kind, trigger, path) in enumerate(shapes)
    ]
    tally = a_tally()
    fired: Counter[str] = Counter()
    for path in paths:
        decision = decide(tally.standing(rules), FakeCall(acts_on=[Thing("file", path)]), tally, 1)
        fired.update(each.rule.id for each in decision.fired)
        answers = [each.rule.fault.action.answers for each in decision.fired]
        assert answers[:-1] == [False] * len(answers[:-1])
    for rule in rules:
        seen, matched, count, unresolved = tally.counts(rule)
        assert seen == len(paths)
        assert count == fired[rule.id] <= matched <= seen - unresolved


def test_a_rule_without_a_slot_is_refused() -> None:
    with pytest.raises(ValueError, match="r-1 has no slot"):
        a_tally().standing([a_rule(-1)])
