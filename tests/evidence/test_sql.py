"""A bundle's tables, asked through DuckDB."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faultbox import evidence
from faultbox.evidence import sql
from faultbox.evidence.bundle import Bundle
from faultbox.model.verdict import Verdict


@pytest.fixture
def bundle(tmp_path: Path, spools: ModuleType) -> Iterator[Bundle]:
    infos = [spools.info("test_a"), spools.cell("order", "full", run=2)]
    results = [
        spools.result(infos[0]),
        spools.result(infos[1], Verdict.FAILED, exercised=True, reason="it's 503", rules=(spools.rule(),)),
    ]
    events = {
        "test_a": [spools.event(1, "allow"), spools.event(2, "allow")],
        infos[1].id: [spools.event(1, "deny(EIO)"), spools.event(2, "allow", path="caf\udce9"), spools.event(3, "x")],
    }
    run = spools.write(tmp_path / "spool", infos, results, events=events)
    with evidence.open(evidence.pack(run, tmp_path)) as opened:
        yield opened


def rows(bundle: Bundle, query: str) -> list[tuple[Any, ...]]:
    return list(sql.ask(bundle, query).rows)


def test_cases_rules_and_events(bundle: Bundle) -> None:
    assert rows(bundle, "select id, run, verdict, exercised, reason from cases order by id") == [
        ("matrix_order_full", 2, "failed", True, "it's 503"),
        ("test_a", 1, "passed", None, ""),
    ]
    assert rows(bundle, "select id, keyword, seen, fired, unresolved from rules") == [
        ("matrix_order_full", "connect", 4, 4, 0)
    ]
    counted = "select id, count(*), max(ms) from EVENTS where fields['syscall'] = 'write' group by id order by id"
    assert rows(bundle, counted) == [("matrix_order_full", 3, 0.002), ("test_a", 2, 0.001)]


def test_what_is_no_text_is_told_as_such(bundle: Bundle) -> None:
    assert rows(bundle, "select fields['path'] from events where seq = 2 and run = 2") == [("caf�",)]


def test_columns_have_names(bundle: Bundle) -> None:
    assert sql.ask(bundle, "select 1 as one, 'x' as two").columns == ("one", "two")


def test_a_bundle_without_rules(tmp_path: Path, spools: ModuleType) -> None:
    infos = [spools.info("test_a")]
    run = spools.write(tmp_path / "bare", infos, [spools.result(infos[0])])
    with evidence.open(evidence.pack(run, tmp_path)) as bare:
        assert rows(bare, "select count(*) from rules") == [(0,)]
        assert rows(bare, "select count(*) from events") == [(0,)]


@pytest.mark.parametrize(
    "query",
    [
        "select from nothing",
        "select * from read_text('/etc/passwd')",
        "copy cases to '/tmp/faultbox-stolen.csv'",
        "set enable_external_access = true",
        "install httpfs",
    ],
)
def test_a_query_reaches_nothing_but_the_tables(bundle: Bundle, query: str) -> None:
    with pytest.raises(sql.BadQuery):
        sql.ask(bundle, query)


def test_without_duckdb_it_says_so(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "duckdb":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(sql.NoDuckDB):
        sql.ask(bundle, "select 1")
