"""What is written as JSON is read back the same, and nothing else is read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faultbox.model.fault import Counts
from faultbox.model.plan import CaseInfo
from faultbox.model.record import BadRecord, from_json, to_json
from faultbox.model.source import Position, Problem
from faultbox.model.update import RunStarted
from faultbox.model.verdict import CaseResult, DeadAssumption, Frame, RuleReport, RunResult, Verdict

text = st.text(max_size=12)
counting = st.integers(0, 2**63)
number = st.floats(0, 1e12, allow_nan=False)
words = st.lists(text, max_size=3).map(tuple)
plain = st.recursive(st.none() | st.booleans() | st.integers() | text, lambda inner: st.lists(inner, max_size=2))
positions = st.builds(Position, text, counting, counting)
problems = st.builds(Problem, text, text, positions, text, text)
infos = st.builds(
    CaseInfo,
    id=text,
    kind=st.sampled_from(["test", "scenario", "fault_scenario", "cell", "leaf"]),
    scenario=text,
    fault=text,
    position=positions,
    seed=counting,
    run=counting,
    control=text,
    row=text,
    column=text,
    matrix=st.integers(-1, 9),
    timeout_ms=number,
)
counts = st.builds(Counts, counting, counting, counting, counting)
rules = st.builds(RuleReport, *([text] * 9), counts, words, words)
frames = st.builds(Frame, text, text, text, counting, counting)
results = st.builds(
    CaseResult,
    info=infos,
    verdict=st.sampled_from(Verdict),
    duration_ms=number,
    reason=text,
    code=text,
    exercised=st.none() | st.booleans(),
    traceback=st.lists(frames, max_size=2).map(tuple),
    rules=st.lists(rules, max_size=2).map(tuple),
    deciding=st.lists(st.dictionaries(text, plain, max_size=3), max_size=2).map(tuple),
    logs=st.dictionaries(text, words, max_size=2),
    prints=words,
    notes=words,
    run_delay=number,
    events=counting,
    directory=text,
)
dead = st.builds(DeadAssumption, text, text, st.lists(rules, max_size=1).map(tuple))
runs = st.builds(
    RunResult,
    seed=counting,
    results=st.lists(results, max_size=2).map(tuple),
    dead=st.lists(dead, max_size=1).map(tuple),
    warnings=words,
    errors=words,
    strict=st.booleans(),
    duration_ms=number,
    interrupted=st.sampled_from([0, 2, 15]),
)
starts = st.builds(
    RunStarted,
    seed=counting,
    seed_origin=text,
    spec=text,
    services=words,
    cases=st.lists(infos, max_size=2).map(tuple),
    excluded=st.lists(st.tuples(counting, text, text), max_size=2).map(tuple),
    notes=words,
    warnings=st.lists(problems, max_size=2).map(tuple),
)


@settings(max_examples=60, deadline=None)
@given(st.one_of(results, runs, starts, infos, problems))
def test_reads_what_it_wrote(record: Any) -> None:
    assert from_json(type(record), json.loads(json.dumps(to_json(record)))) == record


def case(**changes: Any) -> dict[str, Any]:
    info = CaseInfo("test_x", "test", "x", "", Position("a.star", 1), seed=1)
    shape = to_json(CaseResult(info, Verdict.PASSED, 1.5, rules=(rule(),)))
    assert isinstance(shape, dict)
    return shape | changes


def rule() -> RuleReport:
    return RuleReport("r", "db", "db", "write", "deny(EIO)", "", "", "", "a.star:1:1", Counts(3, 2, 1))


def test_named_tuples_are_objects() -> None:
    assert case()["rules"][0]["counts"] == {"seen": 3, "matched": 2, "fired": 1, "unresolved": 0}


def test_what_has_a_default_may_be_absent() -> None:
    shape = case()
    del shape["reason"]
    assert from_json(CaseResult, shape).reason == ""


def test_keys_of_a_newer_version_are_passed_over() -> None:
    assert from_json(CaseResult, case(colour="blue")) == from_json(CaseResult, case())


def test_whole_numbers_are_floats_too() -> None:
    duration = from_json(CaseResult, case(duration_ms=3)).duration_ms
    assert (duration, type(duration)) == (3.0, float)


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        (None, "record: is NoneType, not dict"),
        ([], "record: is list, not dict"),
        ({}, "record: lacks duration_ms, info, verdict"),
        (case(verdict="splendid"), "verdict: 'splendid' is not a valid Verdict"),
        (case(verdict=[]), "verdict: [] is not a valid Verdict"),
        (case(duration_ms=True), "duration_ms: is bool, not float"),
        (case(duration_ms=10**400), "duration_ms: is too large a number"),
        (case(reason=3), "reason: is int, not str"),
        (case(notes="abc"), "notes: is str, not list"),
        (case(notes=["a", 1]), "notes[1]: is int, not str"),
        (case(exercised=1), "exercised: is int, not bool"),
        (case(logs={"db": 1}), "logs.db: is int, not list"),
        (
            case(rules=[{}]),
            "rules[0]: lacks action, assumption, counts, direction, keyword, label, position, rule, service, target",
        ),
        (
            case(info=case()["info"] | {"kind": "joke"}),
            "info.kind: 'joke' is none of 'test', 'scenario', 'fault_scenario', 'cell', 'leaf'",
        ),
    ],
)
def test_says_what_is_wrong_and_where(shape: object, text: str) -> None:
    with pytest.raises(BadRecord) as caught:
        from_json(CaseResult, shape)
    assert str(caught.value) == text


def test_fixed_tuples_have_their_length() -> None:
    start = to_json(RunStarted(1, "cli", "a.star", (), (), ((0, "a", "b"),), (), ()))
    start["excluded"][0].append("c")
    with pytest.raises(BadRecord, match=r"excluded\[0\]: has 4 items instead of 3"):
        from_json(RunStarted, start)


def test_unhashable_choices_are_refused_like_any_other() -> None:
    with pytest.raises(BadRecord, match=r"info\.kind"):
        from_json(CaseResult, case(info=case()["info"] | {"kind": {}}))


def test_refuses_what_has_no_shape() -> None:
    with pytest.raises(TypeError, match="object has no JSON shape"):
        to_json(object())
