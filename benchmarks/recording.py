"""What a record costs: writing events while a case runs, packing them, opening the bundle again."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, median
from benchmarks.tool import Bench
from faultbox import evidence
from faultbox.evidence.query import parse
from faultbox.evidence.spool import conclude
from faultbox.evidence.trace import trace
from faultbox.model.event import Event
from faultbox.model.plan import CaseInfo
from faultbox.model.record import to_json
from faultbox.model.source import Position
from faultbox.model.verdict import CaseResult, RunResult, Verdict
from faultbox.run import spool as run_spool
from faultbox.trace.spool import Spool

EVENTS = 1_000_000
CASES = 200
ROUNDS = 5


def recording(bench: Bench) -> Iterator[Figure]:
    """A case's share of a bundle, and one of a million events."""
    yield Figure("bundle: a case of one event, packed", _per_case_ms(bench.directory / "small"), "ms")
    place = bench.directory / "large"
    written_s = _write_events(place, EVENTS)
    yield Figure("event written to the spool", written_s / EVENTS * 1e6, "us", _plain_us(), "json.dumps alone")
    begin = time.perf_counter()
    bundle = evidence.pack(place, bench.directory / "large.fb")
    yield Figure("bundle of 1 M events: packed in", time.perf_counter() - begin, "s", _zipped_s(place), "zipfile alone")
    spooled = (place / "cases" / _case().directory / "events.jsonl").stat().st_size
    yield Figure("bundle of 1 M events: its size", bundle.stat().st_size / 1e6, "MB", spooled / 1e6, "events.jsonl")
    opened = median(_open_ms(bundle) for _ in range(ROUNDS))
    yield Figure("bundle of 1 M events: opened, its case's verdict read", opened, "ms")
    yield Figure("bundle of 1 M events: asked by filter", _query_s(bundle), "s")


def _case() -> CaseResult:
    info = CaseInfo("test_loop", "test", "test_loop", "", Position("loop.star", 1), 1)
    return CaseResult(info, Verdict.PASSED, 1.0, events=EVENTS, directory=run_spool.case_name(1, info))


def _write_run(place: Path, results: list[CaseResult]) -> None:
    """What a run leaves beside its events."""
    place.mkdir()
    about = {"spec": "/loop.star", "seed": 1, "started": "2026-01-01T00:00:00Z", "options": {}, "environment": {}}
    run_spool.write_json(place / "run.json", about)
    run_spool.write_json(place / "spec.json", {"sources": {"/loop.star": "x = 1\n"}, "root": "/loop.star"})
    run_spool.write_json(place / "plan.json", {"cases": [to_json(each.info) for each in results], "uses": []})
    for number, each in enumerate(results, start=1):
        run_spool.case_dir(place, number, each.info)
        run_spool.write_result(place, each)
    conclude(place, RunResult(1, tuple(results)))


def _event(number: int) -> Event:
    fields = {"syscall": "write", "family": "write", "pid": "4711", "fd": "7", "kind": "file", "rule": "full/write"}
    fields["path"] = f"/data/wal.{number % 9}"
    fields["decision"] = "deny(EIO)" if number % 1000 == 0 else "allow"
    fields["size"] = str(number % 4096)
    return Event(1_000_000_000 + number * 1000, "syscall", "db", fields, seq=number)


def _write_events(place: Path, count: int) -> float:
    """Seconds that the log needs to put so many events on disk."""
    result = _case()
    _write_run(place, [result])
    events = [_event(number) for number in range(1, count + 1)]
    log = Spool(place / "cases" / result.directory / "events.jsonl", time.monotonic_ns)
    begin = time.perf_counter()
    for event in events:
        log.write(event)
    log.close()
    return time.perf_counter() - begin


def _plain_us() -> float:
    shapes = [_event(number).as_json() for number in range(20_000)]
    begin = time.perf_counter()
    for shape in shapes:
        json.dumps(shape)
    return (time.perf_counter() - begin) / len(shapes) * 1e6


def _zipped_s(place: Path) -> float:
    source = next(place.glob("cases/*/events.jsonl"))
    begin = time.perf_counter()
    with zipfile.ZipFile(place / "plain.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        archive.write(source)
    return time.perf_counter() - begin


def _per_case_ms(place: Path) -> float:
    """What one more case costs when a run is packed."""
    results = []
    for number in range(1, CASES + 1):
        info = CaseInfo(f"test_{number}", "test", "", "", Position("loop.star", 1), 1)
        results.append(CaseResult(info, Verdict.PASSED, 1.0, events=1, directory=run_spool.case_name(number, info)))
    _write_run(place, results)
    line = json.dumps(_event(1).as_json()) + "\n"
    for each in results:
        (place / "cases" / each.directory / "events.jsonl").write_text(line)
    begin = time.perf_counter()
    evidence.pack(place, place.with_suffix(".fb")).unlink()
    return (time.perf_counter() - begin) / CASES * 1e3


def _open_ms(path: Path) -> float:
    begin = time.perf_counter()
    with evidence.open(path) as bundle:
        bundle.result(bundle.directories()[0])
    return (time.perf_counter() - begin) * 1e3


def _query_s(path: Path) -> float:
    wanted = parse("type=syscall service=db decision=deny*")
    begin = time.perf_counter()
    with evidence.open(path) as bundle:
        found = sum(map(wanted, trace(bundle, bundle.directories()[0], wanted.may_match)))
    if found != EVENTS // 1000:
        raise RuntimeError(f"{found} events were found instead of {EVENTS // 1000}")
    return time.perf_counter() - begin
