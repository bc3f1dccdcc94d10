"""From a spool to a bundle: what is in it, under which name, and that nothing is ever half written or overwritten."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faultbox import evidence
from faultbox.evidence import spool
from faultbox.model.exit import Exit
from faultbox.model.fault import Counts
from faultbox.model.verdict import RunResult, Verdict


@pytest.fixture
def run_dir(tmp_path: Path, spools: ModuleType) -> Path:
    infos = [spools.info("test_a"), spools.info("test_b")]
    results = [spools.result(infos[0]), spools.result(infos[1], Verdict.FAILED, reason="no", exercised=True)]
    events = {"test_b": [spools.event(1, "allow"), spools.event(2, "deny(EIO)")]}
    sources = {"/nowhere/specs/spec.star": "x = 1\n", "/nowhere/lib/common.star": "y = 2\n", "@faultbox/mocks.star": ""}
    place: Path = spools.write(tmp_path / "spool", infos, results, sources=sources, events=events)
    spool.conclude(place, RunResult(1, tuple(results), warnings=("careful",), duration_ms=30.0))
    return place


def names(bundle: Path) -> list[str]:
    with zipfile.ZipFile(bundle) as archive:
        assert archive.testzip() is None
        return archive.namelist()


def content(bundle: Path, name: str) -> Any:
    with zipfile.ZipFile(bundle) as archive:
        return json.loads(archive.read(name))


def test_a_bundle_holds_the_run(run_dir: Path, tmp_path: Path) -> None:
    bundle = evidence.pack(run_dir, tmp_path)
    assert bundle.name == "run-2026-04-23T11-12-34-1.fb"
    assert names(bundle) == [
        "manifest.json",
        "environment.json",
        "plan.json",
        "uses.json",
        "outcome.json",
        "declared.json",
        "spec/lib/common.star",
        "spec/specs/spec.star",
        "cases/0001-test_a/result.json",
        "cases/0001-test_a/decisions.jsonl",
        "cases/0001-test_a/events.jsonl",
        "cases/0001-test_a/logs/db.stdout",
        "cases/0002-test_b/result.json",
        "cases/0002-test_b/decisions.jsonl",
        "cases/0002-test_b/events.jsonl",
        "cases/0002-test_b/logs/db.stdout",
    ]


def test_the_manifest_says_what_came_out(run_dir: Path, tmp_path: Path) -> None:
    manifest = content(evidence.pack(run_dir, tmp_path), "manifest.json")
    assert manifest["schema_version"] == 1
    assert manifest["exit"] == Exit.FAILED
    assert manifest["complete"] is True
    assert manifest["counts"]["failed"] == 1
    assert manifest["spec"] == {"root": "spec/specs/spec.star", "original": "/nowhere/specs/spec.star"}
    assert [(each["id"], each["verdict"], each["exercised"]) for each in manifest["cases"]] == [
        ("test_a", "passed", None),
        ("test_b", "failed", True),
    ]


def test_decisions_are_the_events_that_a_rule_decided(run_dir: Path, tmp_path: Path, spools: ModuleType) -> None:
    with evidence.open(evidence.pack(run_dir, tmp_path)) as bundle:
        assert list(bundle.events("0002-test_b", "decisions.jsonl")) == [spools.event(2, "deny(EIO)")]
        assert len(list(bundle.events("0002-test_b"))) == 2
        assert list(bundle.events("0001-test_a", "decisions.jsonl")) == []


def test_equal_spools_give_equal_bundles(run_dir: Path, tmp_path: Path) -> None:
    first = evidence.pack(run_dir, tmp_path / "first.fb")
    for path in run_dir.rglob("*"):
        path.touch()
    assert evidence.pack(run_dir, tmp_path / "second.fb").read_bytes() == first.read_bytes()


def test_nothing_is_overwritten_in_a_directory(run_dir: Path, tmp_path: Path) -> None:
    made = [evidence.pack(run_dir, tmp_path).name for _ in range(3)]
    base = "run-2026-04-23T11-12-34-1"
    assert made == [f"{base}.fb", f"{base}-2.fb", f"{base}-3.fb"]


def test_a_named_file_is_replaced(run_dir: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.fb"
    target.write_text("old")
    assert evidence.pack(run_dir, target) == target
    assert "manifest.json" in names(target)


def test_a_failure_leaves_no_file(run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("faultbox.evidence.packing._write_case", full)
    place = tmp_path / "out"
    place.mkdir()
    with pytest.raises(OSError, match="No space left"):
        evidence.pack(run_dir, place)
    assert list(place.iterdir()) == []


def test_symlinks_in_a_spool_are_not_followed(run_dir: Path, tmp_path: Path) -> None:
    (run_dir / "cases" / "0001-test_a" / "logs" / "passwd").symlink_to("/etc/passwd")
    assert "cases/0001-test_a/logs/passwd" not in names(evidence.pack(run_dir, tmp_path))


def test_a_killed_run_says_where_it_was_killed(tmp_path: Path, spools: ModuleType) -> None:
    infos = [spools.info("test_a"), spools.info("test_b"), spools.info("test_c")]
    place = spools.write(
        tmp_path / "spool",
        infos,
        [spools.result(infos[0])],
        begun=["test_b"],
        events={"test_b": [spools.event(1, "x")]},
    )
    with (place / "cases" / "0002-test_b" / "events.jsonl").open("a") as half:
        half.write('{"seq": 2, "ti')
    spools.arm(place / "cases" / "0002-test_b", seen=4, matched=2, fired=1)
    with evidence.open(evidence.pack(place, tmp_path)) as bundle:
        assert bundle.manifest["complete"] is False
        assert bundle.manifest["exit"] == Exit.ERRORED
        assert bundle.directories() == ["0001-test_a", "0002-test_b"]
        killed = bundle.result("0002-test_b")
        assert (killed.verdict, killed.reason) == (Verdict.ERRORED, spool.KILLED)
        assert [(each.action, each.counts) for each in killed.rules] == [("deny(EIO)", Counts(4, 2, 1))]
        assert killed.exercised is True
        assert [each["seq"] for each in bundle.events("0002-test_b")] == [1]


def test_a_spool_without_a_plan_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    with pytest.raises(evidence.Unreadable, match=r"has no run\.json"):
        evidence.pack(tmp_path / "spool", tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["spool"]


def test_a_case_directory_gives_what_has_a_place_in_a_bundle_and_nothing_else(run_dir: Path, tmp_path: Path) -> None:
    case = run_dir / "cases" / "0001-test_a"
    (case / "pcap").mkdir()
    for name in ("flows.bin", "pcap/api-db.main.pcap", "changed.json", "secret.txt", "result.json.tmp"):
        (case / name).write_bytes(b"{}")
    inside = [name.partition("test_a/")[2] for name in names(evidence.pack(run_dir, tmp_path)) if "test_a/" in name]
    assert inside == [
        "result.json",
        "decisions.jsonl",
        "changed.json",
        "events.jsonl",
        "flows.bin",
        "logs/db.stdout",
        "pcap/api-db.main.pcap",
    ]


def test_a_case_that_ran_when_its_runner_died_is_in_the_bundle(tmp_path: Path, spools: ModuleType) -> None:
    infos = [spools.info("test_a"), spools.info("test_b"), spools.info("test_c")]
    done = spools.result(infos[0])
    events = {"test_b": [spools.event(1, "deny(EIO)")]}
    place = spools.write(tmp_path / "spool", infos, [done], begun=["test_b"], events=events)
    spool.conclude(place, RunResult(1, (done,), errors=("the runner ended",)))
    with evidence.open(evidence.pack(place, tmp_path)) as bundle:
        assert bundle.directories() == ["0001-test_a", "0002-test_b"]
        assert bundle.result("0002-test_b").verdict is Verdict.ERRORED
        assert list(bundle.events("0002-test_b", "decisions.jsonl")) == events["test_b"]
    assert bundle.manifest["complete"] is True


def test_a_case_that_was_told_to_stop_has_no_verdict(tmp_path: Path, spools: ModuleType) -> None:
    infos = [spools.info("test_a"), spools.info("test_b")]
    done = spools.result(infos[0])
    place = spools.write(tmp_path / "spool", infos, [done], begun=["test_b"])
    spool.conclude(place, RunResult(1, (done,), interrupted=2))
    with evidence.open(evidence.pack(place, tmp_path)) as bundle:
        assert bundle.directories() == ["0001-test_a"]


def test_a_result_that_found_no_room_while_the_run_went_is_in_the_bundle(run_dir: Path, spools: ModuleType) -> None:
    shape = spool.Spool(run_dir)
    results = shape.outcome().results
    (shape.case_dir(shape.planned[1]) / "result.json").unlink()
    spool.conclude(run_dir, RunResult(1, results))
    with evidence.open(evidence.pack(run_dir, run_dir.parent)) as bundle:
        assert [each.reason for each in bundle.outcome().results] == ["", "no"]
