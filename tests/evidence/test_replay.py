"""What is run again, and what is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faultbox import evidence
from faultbox.evidence import replay
from faultbox.evidence.bundle import Bundle
from faultbox.evidence.decisions import by_identity
from faultbox.evidence.spool import Spool
from faultbox.model.verdict import Verdict


@pytest.fixture
def bundled(tmp_path: Path, spools: ModuleType) -> Iterator[Bundle]:
    """A bundle of a spec that is on disk, with a module beside it."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "spec.star").write_text("x = 1\n")
    (home / "lib.star").write_text("y = 1\n")
    sources = {str(home / name): (home / name).read_text() for name in ("spec.star", "lib.star")}
    infos = [spools.info("test_a")]
    run = spools.write(tmp_path / "spool", infos, [spools.result(infos[0])], spec=home / "spec.star", sources=sources)
    with evidence.open(evidence.pack(run, tmp_path)) as bundle:
        yield bundle


def test_an_unchanged_spec_runs_where_it_is(bundled: Bundle, tmp_path: Path) -> None:
    found = replay.ground(bundled, tmp_path / "scratch")
    assert found == replay.Ground(
        tmp_path / "home/spec.star", None, f"Spec: {tmp_path / 'home/spec.star'} (unchanged since)"
    )
    assert not (tmp_path / "scratch").exists()


@pytest.mark.parametrize("name", ["spec.star", "lib.star"])
def test_a_changed_spec_comes_from_the_bundle(bundled: Bundle, tmp_path: Path, name: str) -> None:
    (tmp_path / "home" / name).write_text("changed = 1\n")
    found = replay.ground(bundled, tmp_path / "scratch")
    assert found.spec == tmp_path / "scratch/spec/spec.star"
    assert found.spec.read_text() == "x = 1\n"
    assert (found.spec.parent / "lib.star").read_text() == "y = 1\n"
    assert found.root == tmp_path / "home"
    assert f"relative paths lead to {tmp_path / 'home'}" in found.note


def test_elsewhere_the_bundle_stands_alone(bundled: Bundle, tmp_path: Path) -> None:
    (tmp_path / "home").rename(tmp_path / "moved")
    found = replay.ground(bundled, tmp_path / "scratch")
    assert found.root is None
    assert "relative paths lead into the bundle's own spec/" in found.note


def test_in_another_checkout(bundled: Bundle, tmp_path: Path) -> None:
    (tmp_path / "home").rename(tmp_path / "moved")
    found = replay.ground(bundled, tmp_path / "scratch", tmp_path / "moved")
    assert (found.spec, found.root) == (tmp_path / "scratch/spec/spec.star", tmp_path / "moved")
    assert found.note == f"Spec: from the bundle; relative paths lead to {tmp_path / 'moved'}"


@pytest.fixture
def compared(tmp_path: Path, spools: ModuleType) -> Callable[..., replay.Comparison]:
    """Compare two runs of one case that differ in what is given."""

    def compare(old: dict[str, Any], new: dict[str, Any]) -> replay.Comparison:
        infos = [spools.info("test_a")]
        runs = []
        for name, about in (("old", old), ("new", new)):
            events: Sequence[Any] = about.pop("events", ())
            made = spools.result(infos[0], **({"verdict": Verdict.PASSED} | about))
            place = tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}"
            runs.append((spools.write(place, infos, [made], events={"test_a": events}), made))
        (before, _), (after, again) = runs
        with evidence.open(evidence.pack(before, tmp_path)) as bundle:
            return replay.compare(replay.recorded(bundle), Spool(after), (again,))

    return compare


def test_the_same(compared: Callable[..., replay.Comparison], spools: ModuleType) -> None:
    old = {"rules": (spools.rule(),), "events": [spools.event(1, "deny(EIO)"), spools.event(2, "allow")]}
    new = {"rules": (spools.rule(seen=9),), "events": [spools.event(5, "allow"), spools.event(9, "deny(EIO)", pid="3")]}
    assert compared(old, new) == replay.Comparison(cases=1, decisions=1)


def test_another_verdict(compared: Callable[..., replay.Comparison]) -> None:
    found = compared({"verdict": Verdict.FAILED, "reason": "503"}, {})
    assert found.differences == ["test_a: failed then, passed now (503)"]


def test_not_exercised_this_time(compared: Callable[..., replay.Comparison]) -> None:
    assert compared({"exercised": True}, {"exercised": False}).differences == ["test_a: exercised yes then, no now"]


def test_other_numbers_of_calls_are_no_other_decisions(
    compared: Callable[..., replay.Comparison], spools: ModuleType
) -> None:
    old = {"rules": (spools.rule(),), "events": [spools.event(number, "deny(EIO)") for number in range(1, 5)]}
    new = {"rules": (spools.rule(9, 7, 7),), "events": [spools.event(number, "deny(EIO)") for number in range(1, 8)]}
    found = compared(old, new)
    assert (found.decisions, found.differences) == (4, [])
    assert found.drift == [
        "test_a: rule cache_down/connect/in/api of api: matched 4, fired 4 then; matched 7, fired 7 now"
    ]


def test_a_rule_that_is_gone(compared: Callable[..., replay.Comparison], spools: ModuleType) -> None:
    found = compared({"rules": (spools.rule(),)}, {})
    assert found.drift == [
        "test_a: rule cache_down/connect/in/api of api: matched 4, fired 4 then; matched 0, fired 0 now"
    ]


def test_another_decision(compared: Callable[..., replay.Comparison], spools: ModuleType) -> None:
    old = [spools.event(1, "deny(EIO)"), spools.event(2, "deny(EIO)"), spools.event(3, "delay(1s)")]
    new = [spools.event(1, "deny(EIO)"), spools.event(2, "delay(1s)")]
    found = compared({"events": old}, {"events": new})
    assert found.decisions == 1
    assert found.differences == ["test_a: db write /data/wal, call 2 under full/write: deny(EIO) then, delay(1s) now"]


def test_draws_are_compared_turn_by_turn(compared: Callable[..., replay.Comparison], spools: ModuleType) -> None:
    def drawn(*turns: int) -> dict[str, Any]:
        return {"events": [spools.event(turn, "deny(EIO)", turn=str(turn)) for turn in turns]}

    same = compared(drawn(2, 5, 9), drawn(2, 5))
    assert (same.decisions, same.differences) == (2, [])
    other = compared(drawn(2, 5, 9), drawn(2, 7, 9))
    assert other.differences == ["test_a: db write /data/wal, call 5 under full/write: deny(EIO) then, went on now"]


def test_a_case_that_the_bundle_has_not(tmp_path: Path, spools: ModuleType) -> None:
    infos = [spools.info("test_a"), spools.info("test_b")]
    old = spools.write(tmp_path / "old", infos[:1], [spools.result(infos[0])])
    again = tuple(spools.result(each) for each in infos)
    new = spools.write(tmp_path / "new", infos, again)
    with evidence.open(evidence.pack(old, tmp_path)) as bundle:
        found = replay.compare(replay.recorded(bundle), Spool(new), again)
    assert (found.cases, found.differences) == (1, ["test_b: is not in the bundle"])


def test_order_matters_within_an_identity_only(spools: ModuleType) -> None:
    first, second = spools.event(1, "deny(EIO)", "/a"), spools.event(2, "delay(1s)", "/b")
    third = spools.event(3, "delay(1s)", "/a")
    assert by_identity([first, second, third]) == by_identity([second, first, third])
    assert by_identity([first, third]) != by_identity([third, first])


def test_accidental_numbers_are_no_identity(spools: ModuleType) -> None:
    one, other = spools.event(1, "deny(EIO)", "socket:[123]"), spools.event(1, "deny(EIO)", "socket:[99]")
    assert by_identity([one]) == by_identity([other])
    assert by_identity([spools.event(1, "x", "/proc/12/maps")]) == by_identity([spools.event(1, "x", "/proc/99/maps")])


@pytest.mark.parametrize("turn", ["x", "-1", "1" * 30, "²"])
def test_a_turn_of_a_stranger_is_no_traceback(spools: ModuleType, turn: str) -> None:
    assert list(by_identity([spools.event(1, "x", turn=turn)]).values()) == [{1: "x"}]


def test_what_was_done_to_messages_is_a_decision(spools: ModuleType) -> None:
    def message(query: str, **fields: str) -> dict[str, Any]:
        named = {"caller": "api", "interface": "main", "side": "request", "query": query}
        return {"seq": 1, "type": "proxy", "service": "db", "fields": named | fields}

    met = message("SELECT 7", decision="error", rule="down/error")
    passed = message("SELECT 7", side="response", decision="pass")
    assert by_identity([met, passed]) == {("db", "main request from api", "SELECT 7", "down/error"): {1: "error"}}
