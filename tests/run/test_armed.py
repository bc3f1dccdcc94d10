"""What looks on, or comes later, reads the rules of a case and their counters from its directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from faultbox.model.fault import Action, ActionKind, Counts, Fault, Rule
from faultbox.model.host import SpecError
from faultbox.model.source import Position
from faultbox.run.armed import SLOTS, Counters, armed, note


def rule(slot: int, name: str = "full") -> Rule:
    fault = Fault(Action(ActionKind.DENY, errno=28), Position("x.star", 3))
    return Rule(name, "db", "db", "write", frozenset({"write"}), fault, assumption=name, slot=slot)


def test_what_is_armed_is_read_with_what_it_counted_so_far(tmp_path: Path) -> None:
    counters = Counters(tmp_path)
    note(tmp_path, [rule(counters.claim()), rule(counters.claim(), "late")])
    counters.page[32:64] = b"".join(each.to_bytes(8, "little") for each in (9, 7, 5, 1))
    first, second = armed(tmp_path)
    assert (first.rule, first.service, first.action, first.position) == ("full", "db", "deny(ENOSPC)", "x.star:3:1")
    assert (first.counts, second.counts) == (Counts(), Counts(9, 7, 5, 1))
    assert counters.read(1) == second.counts


def test_a_line_that_a_kill_cut_is_not_read(tmp_path: Path) -> None:
    counters = Counters(tmp_path)
    note(tmp_path, [rule(counters.claim())])
    with (tmp_path / "rules.jsonl").open("a") as file:
        file.write('[1, {"rule": "la')
    assert [each.rule for each in armed(tmp_path)] == ["full"]


def test_a_case_that_armed_nothing_has_no_rules(tmp_path: Path) -> None:
    assert armed(tmp_path) == ()
    Counters(tmp_path)
    assert armed(tmp_path) == ()


def test_a_second_try_begins_without_the_rules_of_the_first(tmp_path: Path) -> None:
    for _ in range(2):
        note(tmp_path, [rule(Counters(tmp_path).claim())])
        assert [each.rule for each in armed(tmp_path)] == ["full"]


def test_the_page_has_an_end(tmp_path: Path) -> None:
    counters = Counters(tmp_path)
    for _ in range(SLOTS):
        counters.claim()
    with pytest.raises(SpecError, match=f"at most {SLOTS} rules"):
        counters.claim()
