"""A case against its control: what differs is shown, what differs by accident is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from faultbox.model.observation import ConnectionTotals, FileTotals, Observed
from faultbox.model.verdict import Verdict
from faultbox.tui.contrast import Told, contrast
from faultbox.tui.trace import Trace


@pytest.fixture
def trace(tmp_path: Path) -> Iterator[Callable[..., Trace]]:
    made: list[Trace] = []

    def make(*said: str) -> Trace:
        path = tmp_path / f"{len(made)}.jsonl"
        shapes = [
            {"seq": seq, "time_ns": seq, "type": "stdout", "service": "api", "fields": {"raw": raw}}
            for seq, raw in enumerate(said)
        ]
        path.write_text("".join(json.dumps(each) + "\n" for each in shapes))
        made.append(Trace(path.open("rb")))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_lines_that_only_one_has(trace: Callable[..., Trace], spools: Any) -> None:
    control = Told(spools.result(spools.info("order")), trace("up at 11:12:34", "stored"))
    red = spools.result(spools.cell("order", "down"), Verdict.FAILED, reason="503")
    lines = contrast(control, Told(red, trace("up at 11:12:59", "cache is gone")))
    assert lines == [
        ("title", "verdict"),
        ("control", "passed"),
        ("case", "failed 503"),
        ("title", "stdout of api"),
        ("same", ""),
        ("same", " stdout raw=up at _"),
        ("control", "-stdout raw=stored"),
        ("case", "+stdout raw=cache is gone"),
    ]


def test_totals_that_differ_but_for_knocking_and_names_with_a_pid(spools: Any) -> None:
    def seen(knocks: int, opened: int, pid: int) -> Observed:
        knocked = ConnectionTotals("(readiness)", "api", 80, refused=knocks)
        edges = (knocked, ConnectionTotals("api", "db", 5, opened=opened))
        return Observed(files=(FileTotals("db", f"/tmp/temp-{pid}.rdb", writes=1),), connections=edges)

    control = spools.result(spools.info("order"), observed=seen(55, 1, 2))
    case = spools.result(spools.cell("order", "down"), observed=seen(3, 9, 4))
    lines = contrast(Told(control, None), Told(case, None))
    assert [text for kind, text in lines if kind == "case"] == ["       1        9  connections of api to db:5 opened"]
    assert lines[-1][0] == "note"


def test_no_difference_is_said(trace: Callable[..., Trace], spools: Any) -> None:
    told = [Told(spools.result(spools.info(name)), trace("same")) for name in ("a", "b")]
    assert contrast(*told) == [("note", "nothing differs but what the rules decided")]


def test_what_is_too_long_to_compare_is_said(trace: Callable[..., Trace], spools: Any) -> None:
    long = trace(*(f"line {number % 7}" for number in range(900)))
    lines = contrast(Told(spools.result(spools.info("a")), long), Told(spools.result(spools.info("b")), trace("x")))
    assert ("note", "stdout of api: only its first 400 lines were compared") in lines
    assert any(kind == "note" and text.endswith("lines more") for kind, text in lines)
