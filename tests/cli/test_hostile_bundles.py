"""Every command that reads a bundle, with one that a stranger made: an answer in words, and nothing touched."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

COMMANDS = [
    ("inspect", "x.fb"),
    ("inspect", "x.fb", "0001-test_create_order"),
    ("inspect", "x.fb", "--list"),
    ("inspect", "x.fb", "--where", "type=*"),
    ("inspect", "x.fb", "--sql", "select * from events, cases"),
    ("inspect", "x.fb", "--extract", "out"),
    ("inspect", "x.fb", "--otlp", "out.json"),
    ("inspect", "x.fb", "--json"),
    ("diff", "x.fb", "good.fb"),
    ("diff", "good.fb", "x.fb", "--json"),
    ("judge", "x.fb", "--spec", "faultbox.star"),
    ("merge", "x.fb", "good.fb"),
    ("replay", "x.fb"),
]
CASE = "cases/0001-test_create_order"
Change = Callable[[dict[str, bytes]], None]


def json_of(entries: dict[str, bytes], name: str, **changes: Any) -> None:
    entries[name] = json.dumps(json.loads(entries[name]) | changes).encode()


def escaping_name(entries: dict[str, bytes]) -> None:
    entries["../../escaped"] = b"x"


def absolute_name(entries: dict[str, bytes]) -> None:
    entries["/tmp/faultbox-escaped"] = b"x"


def deep_json(entries: dict[str, bytes]) -> None:
    entries[f"{CASE}/events.jsonl"] = b'{"seq":1,"time_ns":1,"type":"x","service":"s","fields":' + b"[" * 99_999 + b"\n"


def deep_result(entries: dict[str, bytes]) -> None:
    entries[f"{CASE}/result.json"] = b"[" * 99_999


def no_events(entries: dict[str, bytes]) -> None:
    entries[f"{CASE}/events.jsonl"] = b'{"fields": 3}\n[1]\n"x"\n'


def odd_events(entries: dict[str, bytes]) -> None:
    event = {"seq": -1, "time_ns": 10**40, "type": "\x1b]0;x\x07", "service": "\u202e", "fields": {"\x1b[2J": "\x9b2J"}}
    entries[f"{CASE}/events.jsonl"] = json.dumps(event).encode() + b"\n"


def odd_words(entries: dict[str, bytes]) -> None:
    json_of(entries, "manifest.json", started="\x1b[2J", seed_origin="\x1b]0;x\x07", faultbox=["\x1b[2J"])
    json_of(entries, f"{CASE}/result.json", reason="\x1b[2J\r\n::error::x", prints=["\x1b[2J"])


def another_case(entries: dict[str, bytes]) -> None:
    json_of(entries, f"{CASE}/result.json", directory="../../../etc")


def no_deciding(entries: dict[str, bytes]) -> None:
    json_of(entries, f"{CASE}/result.json", deciding=[{"seq": 1}], verdict="failed")


def no_causes(entries: dict[str, bytes]) -> None:
    deep: dict[str, Any] = {"service": "x", "requests": []}
    for _ in range(300):
        deep = {"service": "x", "requests": [deep]}
    json_of(entries, f"{CASE}/result.json", causes=deep, verdict="failed")


def wrong_types(entries: dict[str, bytes]) -> None:
    for name in ("environment.json", "declared.json", "uses.json", f"{CASE}/changed.json"):
        entries[name] = b'"x"'


def huge_numbers(entries: dict[str, bytes]) -> None:
    json_of(entries, "manifest.json", seed=10**100)


def endless_runs(entries: dict[str, bytes]) -> None:
    json_of(entries, "manifest.json", options={"runs": 10**9, "timeout_ms": 1e999, "shard": "1/999999"})


def spec_elsewhere(entries: dict[str, bytes]) -> None:
    json_of(entries, "manifest.json", spec={"root": "spec/../../../etc/passwd", "original": "/etc/\x1b[2Jshadow"})


CHANGES = [
    escaping_name, absolute_name, deep_json, deep_result, no_events, odd_events, odd_words, another_case, no_deciding,
    no_causes, wrong_types, huge_numbers, endless_runs, spec_elsewhere,
]  # fmt: skip


@pytest.fixture
def good(faultbox: Any, here: Path) -> dict[str, bytes]:
    faultbox("test", "--seed", "1", "--output", "good.fb")
    with zipfile.ZipFile(here / "good.fb") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def files_of(place: Path) -> Iterator[str]:
    return (str(each.relative_to(place)) for each in place.rglob("*") if each.is_file())


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_no_command_is_harmed(faultbox: Any, good: Any, here: Path, tmp_path: Path, change: Change) -> None:
    change(good)
    with zipfile.ZipFile(here / "x.fb", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in good.items():
            archive.writestr(name, content)
    before = set(files_of(tmp_path))
    for command in COMMANDS:
        ran = faultbox(*command)
        assert ran.code in {0, 1, 2, 3, 4}, command
        for text in (ran.out, ran.err):
            assert not {"\x1b", "\x9b", "\x07", "\u202e"} & set(text), (command, text)
            assert "Traceback" not in text
        assert not any(line.startswith("::") for line in (ran.out + ran.err).splitlines()), command
    new = set(files_of(tmp_path)) - before
    assert all(name.startswith(("here/out/", "here/out.json", "here/run-")) for name in new), new
    assert not Path("/tmp/faultbox-escaped").exists()
