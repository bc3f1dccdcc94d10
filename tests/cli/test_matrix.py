"""The table of a matrix, exactly."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from faultbox.cli.console.look import Look, cells
from faultbox.cli.console.matrix import duration, tables
from faultbox.model.verdict import Verdict


def table(results: Sequence[Any], excluded: Sequence[Any] = (), more: Sequence[Any] = (), **look: Any) -> str:
    infos = [*(each.info for each in results), *more]
    return "\n".join(tables(infos, results, excluded, Look(**look)))


def test_the_table_of_the_second_seed(spools: ModuleType) -> None:
    results = [
        spools.result(spools.cell("create_order", "db_down"), duration_ms=210, exercised=True),
        spools.result(spools.cell("create_order", "disk_io_error"), Verdict.FAILED),
    ]
    assert (
        table(results)
        == """
                 │ db_down      │ disk_io_error
─────────────────┼──────────────┼──────────────
create_order     │ PASS (210ms) │ FAIL"""
    )


def test_every_word_a_cell_can_have(spools: ModuleType) -> None:
    verdicts = [Verdict.FAILED, Verdict.ERRORED, Verdict.INCONCLUSIVE, Verdict.HALTED]
    results = [spools.result(spools.cell("a", str(number)), verdict) for number, verdict in enumerate(verdicts)]
    results.append(spools.result(spools.cell("a", "4"), exercised=False, duration_ms=3))
    results.append(spools.result(spools.cell("a", "5"), exercised=None, duration_ms=12_345))
    text = table(results, excluded=[(0, "a", "6")], more=[spools.cell("a", "7")])
    row = text.splitlines()[3]
    assert [each.strip() for each in row.split("│")] == [
        "a",
        "FAIL",
        "ERROR",
        "INCONCLUSIVE",
        "HALTED",
        "○ PASS (3ms)",
        "PASS (12.3s)",
        "not run",
        "— (excluded)",
    ]


def test_several_runs_of_a_cell_show_the_worst(spools: ModuleType) -> None:
    def runs(column: str, *verdicts: Verdict) -> list[Any]:
        return [
            spools.result(spools.cell("a", column, run=number), verdict, duration_ms=10 * number)
            for number, verdict in enumerate(verdicts, start=1)
        ]

    text = table([*runs("x", *[Verdict.PASSED] * 3), *runs("y", Verdict.PASSED, Verdict.FAILED, Verdict.PASSED)])
    assert text.splitlines()[3] == "a                │ PASS (20ms) 3/3 │ FAIL 1/3"


def test_wide_characters_keep_the_columns_straight(spools: ModuleType) -> None:
    rows = ["注文を作成する", "create", "cafe\u0301", "🙂 smile"]
    results = [spools.result(spools.cell(row, column)) for row in rows for column in ("数据库故障", "b")]
    _, head, rule, *body = table(results).splitlines()
    places = {cells(line[: line.index("│")]) for line in [head, *body]}
    seconds = {cells(line[: line.rindex("│")]) for line in [head, *body]}
    assert places == {rule.index("┼")}
    assert seconds == {rule.rindex("┼")}


def test_a_narrow_terminal_gets_the_columns_in_parts(spools: ModuleType) -> None:
    results = [spools.result(spools.cell("a", name)) for name in ("first", "second", "third", "fourth", "fifth")]
    text = table(results, width=50)
    assert max(map(cells, text.splitlines())) <= 50
    assert [line.split("│")[1:] for line in text.splitlines() if "│" in line and not line.startswith("a")] == [
        [" first       ", " second"],
        [" third       ", " fourth"],
        [" fifth"],
    ]


def test_no_terminal_is_too_narrow(spools: ModuleType) -> None:
    results = [spools.result(spools.cell("a", name)) for name in ("x", "y")]
    assert table(results, width=1).count("PASS (12ms)") == 2


def test_ascii_where_the_locale_has_no_more(spools: ModuleType) -> None:
    results = [spools.result(spools.cell(*pair)) for pair in (("a", "y"), ("b", "x"))]
    results.insert(0, spools.result(spools.cell("a", "x"), exercised=False))
    text = table(results, excluded=[(0, "b", "y")], fancy=False)
    assert text.isascii()
    assert text.splitlines()[2:4] == [
        "-----------------+---------------+-------------",
        "a                | o PASS (12ms) | PASS (12ms)",
    ]


def test_colours_do_not_move_anything(spools: ModuleType) -> None:
    import re

    results = [spools.result(spools.cell("a", "x"), Verdict.FAILED), spools.result(spools.cell("a", "y"))]
    painted = table(results, colour=True)
    assert "\x1b[31mFAIL\x1b[0m" in painted
    assert "\x1b[32mPASS (12ms)\x1b[0m" in painted
    assert re.sub(r"\x1b\[\d+m", "", painted) == table(results)


def test_a_fault_with_the_name_of_a_verdict_is_not_painted(spools: ModuleType) -> None:
    results = [spools.result(spools.cell("a", "PASSED"), Verdict.FAILED), spools.result(spools.cell("a", "y"))]
    assert "\x1b" not in table(results, colour=True).splitlines()[1]


def test_columns_stay_in_the_order_of_the_spec(spools: ModuleType) -> None:
    pairs = [("a", "x"), ("a", "z"), ("b", "x"), ("b", "y"), ("b", "z")]
    head = table([spools.result(spools.cell(*pair)) for pair in pairs]).splitlines()[1]
    assert [each.strip() for each in head.split("│")] == ["", "x", "y", "z"]


def test_a_lone_cell_needs_no_table(spools: ModuleType) -> None:
    assert table([spools.result(spools.cell("a", "x")), spools.result(spools.info("test_b"))]) == ""


def test_two_matrices_are_two_tables(spools: ModuleType) -> None:
    results = [spools.result(spools.cell("a", name)) for name in ("x", "y")]
    second = [
        dataclasses.replace(each, info=dataclasses.replace(each.info, matrix=1), verdict=Verdict.FAILED)
        for each in results
    ]
    text = table([*results, *second])
    assert text.count("┼") == 4
    assert (text.count("PASS"), text.count("FAIL")) == (2, 2)


def test_durations() -> None:
    assert [duration(each) for each in (0.4, 12, 9999, 10_000, 62_500)] == ["0ms", "12ms", "9999ms", "10.0s", "62.5s"]
