"""Shards of a run as one bundle: the verdict of the whole, and what keeps bundles from being one run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faultbox import evidence
from faultbox.evidence import spool
from faultbox.evidence.merging import Merged, NotOneRun, merge
from faultbox.model.exit import Exit
from faultbox.model.verdict import CaseResult, RunResult, Verdict

Cut = Callable[..., Path]
WHOLE = [["test_order", 1], ["matrix_order_down", 1], ["matrix_order_full", 1], ["test_x", 1]]


@pytest.fixture
def cases(spools: ModuleType) -> dict[str, Any]:
    found = [spools.info("test_order", "scenario"), spools.cell("order", "down"), spools.cell("order", "full")]
    return {each.id: each for each in [*found, spools.info("test_x")]}


@pytest.fixture
def shard(tmp_path: Path, spools: ModuleType, cases: dict[str, Any]) -> Cut:
    """A bundle of one shard with these results; `plan` are ids of cases that have none."""

    def make(
        index: int,
        results: Sequence[CaseResult],
        *,
        count: int = 2,
        plan: Sequence[str] = (),
        run: dict[str, Any] | None = None,
        **more: Any,
    ) -> Path:
        infos = [each.info for each in results] + [cases[name] for name in plan]
        options = {"shard": f"{index}/{count}"} | more.pop("options", {})
        place = spools.write(
            tmp_path / f"spool-{index}-{len(list(tmp_path.iterdir()))}", infos, results, options=options, **more
        )
        shape = json.loads((place / "plan.json").read_text())
        position = {"file": "spec.star", "line": 3, "column": 1}
        used = {"name": "down", "position": position, "leaves": ["down"], "has_rules": True, "complete": True}
        spools.put(
            place / "plan.json", shape | {"whole": WHOLE, "uses": [used | {"cases": [["matrix_order_down", 1]]}]}
        )
        about = json.loads((place / "run.json").read_text())
        about["environment"]["clock"] = {"monotonic_ns": index, "utc_ns": index * 100}
        spools.put(place / "run.json", about)
        spool.conclude(
            place, RunResult(more.get("seed", 1), tuple(results), **({"duration_ms": 10.0 * index} | (run or {})))
        )
        return evidence.pack(place, tmp_path / f"{place.name}.fb")

    return make


@pytest.fixture
def merged() -> Iterator[Callable[..., Merged]]:
    with ExitStack() as stack:
        yield lambda *paths: merge([stack.enter_context(evidence.open(path)) for path in paths])


@pytest.fixture
def two(shard: Cut, spools: ModuleType, cases: dict[str, Any]) -> list[Path]:
    fired = spools.rule(assumption="down")
    one = [
        spools.result(cases["test_order"]),
        spools.result(cases["matrix_order_full"], Verdict.FAILED, reason="503", exercised=True),
    ]
    other = [
        spools.result(cases["test_order"]),
        spools.result(cases["matrix_order_down"], exercised=True, rules=(fired,)),
        spools.result(cases["test_x"]),
    ]
    return [shard(1, one, events={"matrix_order_full": [spools.event(1, "deny(EIO)")]}), shard(2, other)]


def test_the_whole_in_the_order_of_the_plan(two: list[Path], merged: Any, tmp_path: Path) -> None:
    whole = merged(*reversed(two))
    assert [each.info.id for each in whole.outcome.results] == [key[0] for key in WHOLE]
    assert (whole.outcome.exit, whole.outcome.errors, whole.outcome.warnings) == (Exit.FAILED, (), ())
    with evidence.open(whole.write(tmp_path / "all.fb")) as bundle:
        assert bundle.outcome() == whole.outcome
        assert [info.id for info in bundle.cases] == [key[0] for key in WHOLE]
        assert bundle.directories()[2] == "0003-matrix_order_full"
        assert len(list(bundle.events("0003-matrix_order_full", "decisions.jsonl"))) == 1
        assert bundle.manifest["counts"]["passed"] == 3
        assert (bundle.asked().shard, bundle.manifest["shards"]) == (None, ["1/2", "2/2"])
        assert bundle.read("spec/spec.star") == b"x = 1\n"
        clocks = [bundle.environment(name)["clock"]["monotonic_ns"] for name in bundle.directories()]
        assert clocks == [1, 2, 1, 2], "each case has the clock of the host that it ran on"


def test_an_assumption_is_judged_over_all_shards(
    shard: Cut, spools: ModuleType, cases: dict[str, Any], merged: Any
) -> None:
    silent = spools.rule(4, 1, 0, assumption="down")
    order = spools.result(cases["test_order"])
    one = shard(1, [order, spools.result(cases["matrix_order_down"], exercised=False, rules=(silent,))])
    other = shard(2, [order, spools.result(cases["matrix_order_full"]), spools.result(cases["test_x"])])
    outcome = merged(one, other).outcome
    assert [(each.name, each.rules[0].counts.matched) for each in outcome.dead] == [("down", 1)]
    assert outcome.exit is Exit.FAILED


def test_a_missing_shard_is_an_error(two: list[Path], merged: Any) -> None:
    outcome = merged(two[1]).outcome
    assert outcome.errors == ("missing: shard 1/2, so 1 of 4 cases have no verdict: matrix_order_full",)
    assert outcome.exit is Exit.ERRORED
    assert merged(two[0]).outcome.warnings == ("down: not exercised by the cases that ran",)


def test_of_a_control_the_worst_verdict_counts(
    shard: Cut, spools: ModuleType, cases: dict[str, Any], merged: Any
) -> None:
    good, bad = (spools.result(cases["test_order"], verdict) for verdict in (Verdict.PASSED, Verdict.ERRORED))
    outcome = merged(shard(1, [good]), shard(2, [bad])).outcome
    assert [each.verdict for each in outcome.results] == [Verdict.ERRORED]
    assert outcome.results[0].notes == ("not the same in all shards: errored in 2/2, passed in 1/2",)


def test_what_shards_say_is_said(shard: Cut, spools: ModuleType, cases: dict[str, Any], merged: Any) -> None:
    order = spools.result(cases["test_order"])
    one = shard(1, [order], plan=["test_x"], run={"interrupted": 2, "warnings": ("1 of 2 cases have no verdict",)})
    other = shard(2, [order], run={"errors": ("the runner ended",), "strict": False})
    outcome = merged(one, other).outcome
    assert "shard 1/2: 1 of 2 cases have no verdict" in outcome.warnings
    assert outcome.errors == ("shard 2/2: the runner ended", "shard 1/2: was interrupted")
    assert outcome.duration_ms == 20.0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"seed": 2}, "another seed"),
        ({"count": 3}, "another number of shards"),
        ({"options": {"runs": 2}}, "another options"),
        ({"sources": {"/nowhere/specs/spec.star": "x = 2\n"}}, "another spec"),
        ({"options": {"shard": None}}, "is no shard"),
    ],
)
def test_what_is_not_one_run(
    two: list[Path], shard: Cut, spools: ModuleType, cases: dict[str, Any], merged: Any, more: Any, message: str
) -> None:
    stranger = shard(2, [spools.result(cases["test_x"])], **more)
    with pytest.raises(NotOneRun, match=message):
        merged(two[0], stranger)


def test_a_shard_twice(two: list[Path], merged: Any) -> None:
    with pytest.raises(NotOneRun, match="are both shard 1/2"):
        merged(two[0], two[0])
