"""The page as a file: what is in it, that nothing in a bundle becomes markup, and what is said to be left out."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faultbox import evidence
from faultbox.evidence import BadBundle
from faultbox.evidence.reporting import case as cases
from faultbox.model.verdict import Verdict

MARKUP = "</script><script>alert(1)</script><img src=x onerror=alert(2)>@SCRIPT@\x00"
EVIL = MARKUP + "\ud800"
"""Half of a surrogate pair is what a byte that is no UTF-8 becomes; JSON has a form for it, UTF-8 none."""


class Elements(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def one_case(spools: ModuleType, tmp_path: Path, **how: Any) -> Path:
    cell = spools.cell("order", "full")
    result = spools.result(cell, Verdict.FAILED, reason=how.pop("reason", "broke"), rules=(spools.rule(),), **how)
    events = {cell.id: [spools.event(1, "allow"), spools.event(2, "deny(EIO)")]}
    path: Path = spools.write(tmp_path / "run", [cell], [result], events=events)
    return path


def test_everything_of_a_case_is_in_the_page(spools: ModuleType, tmp_path: Path, page: Any, blocks: Any) -> None:
    run_dir = one_case(spools, tmp_path, deciding=({**spools.event(2, "deny(EIO)"), "ms": 0.001},))
    (run_dir / "cases" / "0001-matrix_order_full" / "changed.json").write_text('[{"path": "/tmp/a", "size": 3}]')
    (run_dir / "cases" / "0001-matrix_order_full" / "pcap").mkdir()
    (run_dir / "cases" / "0001-matrix_order_full" / "pcap" / "api-db.main.pcap").write_bytes(b"packets")
    data = blocks(page(run_dir))

    run, case = data["run"], data["case-0"]
    assert [(each["id"], each["verdict"], each["reason"]) for each in run["cases"]] == [
        ("matrix_order_full", "failed", "broke")
    ]
    assert run["sources"] == {"spec/spec.star": {"text": "x = 1\n", "left_out": 0}}
    assert case["replay"] == "faultbox replay made.fb --test matrix_order_full"
    assert case["deciding"] == [1]
    assert case["result"]["rules"][0]["counts"] == {"seen": 4, "matched": 4, "fired": 4, "unresolved": 0}
    assert case["files"] == [{"path": "/tmp/a", "size": 3}]
    assert case["logs"] == [{"name": "db.stdout", "text": "log of matrix_order_full\n", "before": 0}]
    assert case["captures"] == [{"name": "api-db.main.pcap", "size": 7}]
    assert case["extract"] == "faultbox inspect made.fb 0001-matrix_order_full --extract DIR"
    assert [row[0] for row in data["case-0-rows-0"]] == [1, 2]
    assert len(data["case-0-columns"]) == 2 * 14


def test_a_run_without_a_declaration_has_no_coverage(
    spools: ModuleType, tmp_path: Path, page: Any, blocks: Any
) -> None:
    run = blocks(page(one_case(spools, tmp_path)))["run"]
    assert (run["coverage"], run["excluded"]) == (None, [])


def test_a_declaration_gives_lanes_coverage_and_exclusions(
    spools: ModuleType, tmp_path: Path, page: Any, blocks: Any
) -> None:
    run_dir = one_case(spools, tmp_path)
    service = {"name": "api", "position": "spec.star:1:1", "depends_on": ["db"]}
    declared = {
        "services": [{"name": "db", "position": "spec.star:1:1"}, service],
        "assumptions": [],
        "excluded": [{"matrix": 0, "row": "look", "column": "full"}],
    }
    spools.put(run_dir / "declared.json", declared)
    data = blocks(page(run_dir))
    assert data["run"]["excluded"] == declared["excluded"]
    assert data["run"]["coverage"]["possible"] == 3
    assert data["case-0"]["trace"]["lanes"] == ["driver", "db", "api"]


def test_wall_time_is_told_from_the_clock_of_the_run(
    spools: ModuleType, tmp_path: Path, page: Any, blocks: Any
) -> None:
    run_dir = one_case(spools, tmp_path)
    assert blocks(page(run_dir))["case-0"]["trace"]["start_utc_ms"] is None
    run = json.loads((run_dir / "run.json").read_text())
    run["environment"]["clock"] = {"monotonic_ns": 0, "utc_ns": 1_700_000_000_000_000_000}
    spools.put(run_dir / "run.json", run)
    assert blocks(page(run_dir))["case-0"]["trace"]["start_utc_ms"] == 1_700_000_000_000.001


def test_each_shard_has_a_clock_of_its_own(spools: ModuleType, tmp_path: Path, blocks: Any) -> None:
    whole = evidence.pack(one_case(spools, tmp_path), tmp_path / "whole.fb")
    clock = {"monotonic_ns": 0, "utc_ns": 5_000_000_000}
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(tmp_path / "merged.fb", "w") as merged:
        manifest = json.loads(source.read("manifest.json"))
        manifest["cases"][0]["shard"] = "2/2"
        changed = {"manifest.json": manifest, "environment.json": {"shards": {"1/2": {}, "2/2": {"clock": clock}}}}
        for name in source.namelist():
            merged.writestr(name, json.dumps(changed[name]) if name in changed else source.read(name))
    with evidence.open(tmp_path / "merged.fb") as bundle:
        text = evidence.report(bundle, tmp_path / "page.html").path.read_text()
    assert blocks(text)["case-0"]["trace"]["start_utc_ms"] == 5_000.001


def test_nothing_of_a_bundle_becomes_markup(spools: ModuleType, tmp_path: Path, page: Any, blocks: Any) -> None:
    cell = spools.cell(MARKUP, MARKUP)
    result = spools.result(cell, Verdict.FAILED, reason=EVIL, code=EVIL, prints=(EVIL,), logs={EVIL: [EVIL]})
    event = {"seq": 1, "time_ns": 1, "type": EVIL, "service": EVIL, "fields": {EVIL: EVIL}, "data": {EVIL: [EVIL]}}
    sources = {"/nowhere/specs/spec.star": MARKUP}
    run_dir = spools.write(tmp_path / "run", [cell], [result], events={cell.id: [event]}, sources=sources)
    text = page(run_dir)

    scripts = [attributes for tag, attributes in Elements(text).found if tag == "script"]
    assert [each.get("type") for each in scripts].count("module") == 1
    assert {each.get("type") for each in scripts} == {"module", "application/gzip+base64"}
    assert "img" not in [tag for tag, _ in Elements(text).found]
    assert "alert(" not in text.replace("&lt;script&gt;alert(", "").replace("onerror=alert(", "")
    assert blocks(text)["run"]["cases"][0]["reason"] == EVIL


def test_the_policy_allows_this_script_and_style_and_nothing_else(
    spools: ModuleType, tmp_path: Path, page: Any
) -> None:
    text = page(one_case(spools, tmp_path))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    script = re.search(r'<script type="module">(.*?)</script>', text, re.DOTALL)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert policy
    assert script
    assert style
    digests = [base64.b64encode(hashlib.sha256(each[1].encode()).digest()).decode() for each in (script, style)]
    assert policy[1] == (
        f"default-src 'none'; script-src 'sha256-{digests[0]}'; style-src 'sha256-{digests[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert not re.search(r"(?:src|href)=.?(?:https?:)?//", text)


def test_red_cases_have_their_events_first_and_what_is_left_out_is_said(
    spools: ModuleType, tmp_path: Path, page: Any, blocks: Any
) -> None:
    infos = [spools.info("test_good"), spools.info("test_bad")]
    results = [spools.result(infos[0]), spools.result(infos[1], Verdict.FAILED, reason="broke")]
    events = {each.id: [spools.event(seq, "allow") for seq in range(1, 5_001)] for each in infos}
    data = blocks(page(spools.write(tmp_path / "run", infos, results, events=events), most_events=5_000))
    assert data["case-1"]["trace"]["events"] == 5_000
    assert data["case-0"]["trace"]["events"] == 2_000
    sentence = "3,000 of its 5,000 events: the first and the last ones are here"
    assert data["case-0"]["left_out"] == [sentence]
    assert data["run"]["left_out"] == [f"test_good: {sentence}"]


def test_of_long_logs_the_end(
    spools: ModuleType, tmp_path: Path, page: Any, blocks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cases, "LOG_BYTES", 5)
    case = blocks(page(one_case(spools, tmp_path)))["case-0"]
    assert case["logs"] == [{"name": "db.stdout", "text": "full\n", "before": 20}]
    assert case["left_out"] == ["the first 20 bytes of db.stdout"]


def test_a_case_that_was_not_run_is_shown_as_such(spools: ModuleType, tmp_path: Path, page: Any, blocks: Any) -> None:
    infos = [spools.info("test_a"), spools.info("test_b")]
    run_dir = spools.write(tmp_path / "run", infos, [spools.result(infos[0])])
    data = blocks(page(run_dir))
    assert [each["verdict"] for each in data["run"]["cases"]] == ["passed", None]
    assert "case-1" not in data


def test_equal_bundles_give_equal_pages(spools: ModuleType, tmp_path: Path, page: Any) -> None:
    run_dir = one_case(spools, tmp_path)
    assert page(run_dir) == page(run_dir)


CASE = "cases/0001-matrix_order_full"


@pytest.mark.parametrize(
    ("entry", "content", "said"),
    [
        (f"{CASE}/events.jsonl", b'{"seq": 1}\n', "events.jsonl: event 1: time_ns must be int"),
        (f"{CASE}/events.jsonl", b"[]\n", "events.jsonl: is no JSON object"),
        (f"{CASE}/changed.json", b'{"a": 1}', "changed.json: must be a list of objects"),
        ("declared.json", b'{"services": 3}', "declared.json: record: lacks assumptions"),
        ("declared.json", b'{"services": 3, "assumptions": []}', "declared.json: services: is int, not list"),
        ("environment.json", b'{"cpus": NaN}', "Out of range float values"),
        ("plan.json", b"[]", "'matrix_order_full' is not in the plan"),
    ],
)
def test_a_bundle_that_is_not_right_is_refused_and_leaves_no_page(
    spools: ModuleType, tmp_path: Path, entry: str, content: bytes, said: str
) -> None:
    whole = evidence.pack(one_case(spools, tmp_path), tmp_path / "whole.fb")
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(tmp_path / "bent.fb", "w") as bent:
        for name in {*source.namelist(), entry}:
            bent.writestr(name, content if name == entry else source.read(name))
    before = sorted(tmp_path.iterdir())
    with evidence.open(tmp_path / "bent.fb") as bundle, pytest.raises(BadBundle) as caught:
        evidence.report(bundle, tmp_path / "page.html")
    assert said in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before
