"""A trace is found line by line while it grows, searched, and sorted into lanes by a thread."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from faultbox.evidence.query import parse as query
from faultbox.tui.trace import Reader, Search, Trace, parse

Wait = Callable[[Callable[[], bool], str], None]


def line(seq: int, **fields: str) -> bytes:
    shape = {"seq": seq, "time_ns": seq * 1000, "type": "syscall", "service": "db", "fields": fields}
    return json.dumps(shape).encode() + b"\n"


def test_half_a_line_is_none_until_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    whole = line(2, path="/data")
    path.write_bytes(line(1) + whole[:20])
    trace = Trace(path.open("rb"))
    assert trace.index()
    assert (len(trace), trace.event(0)) == (1, parse(line(1)))
    with path.open("ab") as file:
        file.write(whole[20:])
    assert trace.index()
    assert not trace.index()
    assert trace.event(1) == parse(whole)
    trace.close()


def test_lines_are_read_together_but_long_ones_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    short, long = [line(n) for n in range(5)], [line(9, path="x" * 600_000)] * 3
    path.write_bytes(b"".join([*short, *long]))
    trace = Trace(path.open("rb"))
    while trace.index():
        pass
    assert trace.lines(0, 3) == short[:3]
    assert trace.lines(3, 2) == short[3:]
    assert trace.lines(5, 10) == long[:1]
    assert trace.lines(7, 10) == long[:1]
    assert trace.lines(8, 10) == []
    trace.close()


def test_a_search_goes_on_where_it_was_as_the_trace_grows(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(line(n, decision="deny(EIO)" if n % 3 == 0 else "allow") for n in range(10)))
    trace = Trace(path.open("rb"))
    trace.index()
    search = Search(trace, query("decision=deny*"))
    while search.work(most=4):
        pass
    assert list(search.found) == [0, 3, 6, 9]
    with path.open("ab") as file:
        file.write(line(10, decision="deny(EIO)"))
    trace.index()
    assert search.work()
    assert (list(search.found), search.seen) == ([0, 3, 6, 9, 10], 11)
    trace.close()


def test_the_reader_finds_filters_and_sorts_what_is_written_while_it_reads(tmp_path: Path, until: Wait) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(line(0) + line(1, decision="deny(EIO)"))
    reader = Reader(Trace(path.open("rb")))
    reader.find(query("decision=deny*"))
    reader.draw_lanes()
    with path.open("ab") as file:
        file.write(line(2, decision="deny(EIO)"))
    until(lambda: reader.laned == 3 and reader.search is not None and reader.search.seen == 3, "all to be read")
    assert reader.search is not None
    assert list(reader.search.found) == [1, 2]
    assert reader.lanes is not None
    assert list(reader.lanes.drawn(3)) == ["db"]
    reader.find(None)
    assert reader.search is None
    reader.close()


def test_what_is_no_event_is_none() -> None:
    hostile: list[Any] = [b"", b"{", b"[]", b'{"fields": 3}', b'{"fields": {}, "time_ns": "x"}', b"[" * 100_000]
    assert [parse(each) for each in hostile] == [None] * len(hostile)
