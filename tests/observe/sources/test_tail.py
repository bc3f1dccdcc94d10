"""Lines appended to files: what is seen, through all that happens to files, and what a promise means."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faultbox.model.event import Event, EventsLost
from faultbox.observe import Decode, decoder
from faultbox.observe.sources import tail
from faultbox.observe.sources.tail import TailSource

Open = Callable[..., TailSource]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Open a source of a path in a world whose disk is `tmp_path`."""
    made: list[TailSource] = []

    def open_(path: str = "/log", **options: object) -> TailSource:
        made.append(TailSource("db", path, str(tmp_path), clock=lambda: 70, **options))  # type: ignore[arg-type]
        return made[-1]

    yield open_
    for each in made:
        each.close()


def append(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def lines(source: TailSource, token: int = 50) -> list[str]:
    """All that was written before this call."""
    source.ask(token)
    events = source.drain()
    while source.promised < token:
        events += source.drain()
    return [event.fields["raw"] for event in events]


def test_lines_appended_become_events(opened: Open, tmp_path: Path) -> None:
    append(tmp_path / "log", b"from before\n")
    source = opened()
    append(tmp_path / "log", b"one\r\ntwo\nthr")
    first, second = source.drain()
    assert first == Event(70, "tail", "db", {"path": "/log", "raw": "one"})
    assert second.fields["raw"] == "two"
    append(tmp_path / "log", b"ee\n")
    assert lines(source) == ["three"]
    assert source.name == "/log of db"


def test_asking_reads_what_was_written_and_promises(opened: Open, tmp_path: Path) -> None:
    source = opened()
    append(tmp_path / "log", b"before\n")
    source.ask(50)
    append(tmp_path / "log", b"after\n")
    assert [(event.time_ns, event.fields["raw"]) for event in source.drain()] == [(70, "before")]
    assert source.promised == 50
    assert [(event.time_ns, event.fields["raw"]) for event in source.drain()] == [(70, "after")]


def test_what_is_written_wakes(opened: Open, tmp_path: Path) -> None:
    """Into a file that is there, one that comes, and one in a directory that comes."""
    source = opened("/var/app/log")

    def woken() -> bool:
        readable, _, _ = select.select([source], [], [], 5)
        return bool(readable)

    (tmp_path / "var").mkdir()
    assert woken()
    source.drain()
    (tmp_path / "var/app").mkdir()
    assert woken()
    source.drain()
    append(tmp_path / "var/app/log", b"one\n")
    assert woken()
    assert [event.fields["raw"] for event in source.drain()] == ["one"]
    append(tmp_path / "var/app/log", b"two\n")
    assert woken()
    assert [event.fields["raw"] for event in source.drain()] == ["two"]
    assert select.select([source], [], [], 0)[0] == []


def test_a_file_that_comes_later_is_read_from_its_beginning(opened: Open, tmp_path: Path) -> None:
    source = opened("/var/app/log")
    assert lines(source) == []
    (tmp_path / "var/app").mkdir(parents=True)
    append(tmp_path / "var/app/log", b"one\n")
    assert lines(source) == ["one"]


def test_rotation_loses_nothing(opened: Open, tmp_path: Path) -> None:
    """What comes into the renamed file before its writer opens the new one is read too."""
    source = opened()
    writer = (tmp_path / "log").open("ab", buffering=0)
    writer.write(b"one\n")
    assert lines(source) == ["one"]
    (tmp_path / "log").rename(tmp_path / "log.1")
    writer.write(b"two\n")
    append(tmp_path / "log", b"three\n")
    writer.write(b"four\n")
    writer.close()
    assert sorted(lines(source, 60)) == ["four", "three", "two"]
    (tmp_path / "log.1").unlink()
    append(tmp_path / "log", b"five\n")
    assert lines(source, 70) == ["five"]


def test_files_that_were_rotated_before_anybody_looked_are_read_where_they_are_now(
    opened: Open, tmp_path: Path
) -> None:
    source = opened("/var/log")
    (tmp_path / "var").mkdir()
    lines(source)
    for number in range(4):
        append(tmp_path / "var/log", b"%d\n" % number)
        for old in range(number, 0, -1):
            (tmp_path / f"var/log.{old}").rename(tmp_path / f"var/log.{old + 1}")
        (tmp_path / "var/log").rename(tmp_path / "var/log.1")
    append(tmp_path / "var/log", b"4\n")
    (tmp_path / "var/other").write_bytes(b"another\n")
    source.ask(60)
    assert [event.fields["raw"] for event in source.drain()] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("former", ["log.1", "log.2", "log-20261121", "log.2026-11-21_10", "log.old", "log~"])
def test_what_was_rotated_in_a_directory_that_came_later_is_known_by_its_name(
    opened: Open, tmp_path: Path, former: str
) -> None:
    source = opened("/var/app/log")
    (tmp_path / "var/app").mkdir(parents=True)
    for name, text in ((former, b"one\n"), ("log", b"two\n"), ("log.lock", b"1\n"), ("other.1", b"another\n")):
        append(tmp_path / "var/app" / name, text)
    assert lines(source) == ["one", "two"]


def test_dates_before_the_last_part_of_a_name_and_packed_files(opened: Open, tmp_path: Path) -> None:
    source = opened("/var/app/*.log")
    (tmp_path / "var/app").mkdir(parents=True)
    for name in ("a.log", "a-2026-11-21T10-00-00.123.log", "b.log.3"):
        append(tmp_path / "var/app" / name, name.encode() + b"\n")
    append(tmp_path / "var/app/b.log.4.gz", b"\x1f\x8b")
    source.ask(50)
    with pytest.raises(EventsLost, match="1 file came and went unread") as lost:
        source.drain()
    assert {event.fields["raw"] for event in lost.value.events} == {"a.log", "a-2026-11-21T10-00-00.123.log", "b.log.3"}


def test_names_of_rotation_that_were_there_before_are_passed_over(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    append(tmp_path / "var/log.1", b"of yesterday\n")
    source = opened("/var/log")
    append(tmp_path / "var/log", b"one\n")
    assert lines(source) == ["one"]


@pytest.mark.parametrize("leaves", ["removed", "moved", "replaced"])
def test_a_file_that_came_and_went_unread_is_lost(opened: Open, tmp_path: Path, leaves: str) -> None:
    (tmp_path / "var").mkdir()
    source = opened("/var/log")
    append(tmp_path / "var/log", b"who knows\n")
    if leaves == "removed":
        (tmp_path / "var/log").unlink()
    elif leaves == "moved":
        (tmp_path / "var/log").rename(tmp_path / "log")
    else:
        (tmp_path / "var/new").write_bytes(b"new\n")
        (tmp_path / "var/new").rename(tmp_path / "var/log")
    lost: list[EventsLost] = []
    for token in (50, 60, 70):  # the second half of a rename could still come
        source.ask(token)
        try:
            source.drain()
        except EventsLost as error:
            lost.append(error)
    assert [str(each) for each in lost] == ["/var/log of db: 1 file came and went unread"]
    assert [event.fields["raw"] for event in lost[0].events] == (["new"] if leaves == "replaced" else [])


def test_what_comes_and_goes_beside_it_is_nobodys_loss(opened: Open, tmp_path: Path) -> None:
    source = opened()
    append(tmp_path / "log.tmp", b"x\n")
    (tmp_path / "log.tmp").unlink()
    assert lines(source) == lines(source, 60) == []


def test_a_truncated_file_is_read_from_its_beginning(opened: Open, tmp_path: Path) -> None:
    source = opened()
    append(tmp_path / "log", b"a first line\nbegun")
    assert lines(source) == ["a first line"]
    os.truncate(tmp_path / "log", 0)
    append(tmp_path / "log", b"two\n")
    assert lines(source, 60) == ["begun", "two"]


@pytest.mark.parametrize("refilled", ["INFO two\n", "ERROR four\nINFO five\n", f"ERROR {'x' * 500}\nlast\n"])
@pytest.mark.parametrize("before", ["INFO one\n", f"{'INFO one' * 50}\n"])
def test_a_file_that_was_truncated_and_filled_again_is_read_from_its_beginning(
    opened: Open, tmp_path: Path, before: str, refilled: str
) -> None:
    log = tmp_path / "log"
    log.write_text(before)
    old, new = opened(), []
    for again in (False, True):
        new.append(opened())
        if again:
            append(log, b"more\n")
            assert [lines(each) for each in (old, *new)] == [["more"]] * 3
        log.write_text(refilled)
        assert [lines(each, 60) for each in (old, *new)] == [refilled.splitlines()] * len([old, *new])
        log.write_text(before)
        assert [lines(each, 70) for each in (old, *new)] == [before.splitlines()] * len([old, *new])


def test_a_file_that_is_filled_anew_while_it_is_read(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "_AT_ONCE", 100)
    monkeypatch.setattr(tail, "_CHUNK", 10)
    source = opened()
    (tmp_path / "log").write_text("a line that was\n" * 100)
    source.ask(50)
    assert {event.fields["raw"] for event in source.drain()} == {"a line that was"}
    (tmp_path / "log").write_text("another thing\n" * 200)
    found = [event.fields["raw"] for event in source.drain()]
    while source.promised < 50:
        found += [event.fields["raw"] for event in source.drain()]
    assert found + lines(source, 60) == ["a li", *["another thing"] * 200]


def test_a_glob_follows_every_file_by_its_name(opened: Open, tmp_path: Path) -> None:
    append(tmp_path / "a.log", b"old\n")
    source = opened("/*.log")
    append(tmp_path / "a.log", b"one\n")
    append(tmp_path / "b.log", b"two\n")
    append(tmp_path / "c.txt", b"three\n")
    source.ask(50)
    assert [event.fields for event in source.drain()] == [
        {"path": "/a.log", "raw": "one"},
        {"path": "/b.log", "raw": "two"},
    ]
    (tmp_path / "b.log").rename(tmp_path / "d.log")
    append(tmp_path / "d.log", b"four\n")
    source.ask(60)
    assert [event.fields for event in source.drain()] == [{"path": "/d.log", "raw": "four"}]


@pytest.mark.parametrize(
    ("decode", "line", "data"),
    [
        (decoder("json"), b'{"path": "/orders", "status": 200}', {"path": "/orders", "status": 200}),
        (decoder("logfmt"), b"path=/orders status=200", {"path": "/orders"}),
        (decoder("regex", r"(?P<path>\S+) (?P<status>\d+)"), b"/orders 200", {"path": "/orders"}),
    ],
)
def test_a_file_keeps_its_name_whatever_its_lines_say(
    opened: Open, tmp_path: Path, decode: Decode, line: bytes, data: dict[str, object]
) -> None:
    source = opened(decode=decode)
    append(tmp_path / "log", line + b"\n")
    source.ask(50)
    (event,) = source.drain()
    assert event.fields == {"path": "/log", "status": "200"}
    assert event.data == data


def test_links_are_those_of_the_world(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "log").symlink_to("/data/log")
    source = opened()
    append(tmp_path / "data/log", b"one\n")
    assert lines(source) == ["one"]


def test_what_is_no_file_is_passed_over(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    os.mkfifo(tmp_path / "fifo")
    assert lines(opened()) == []
    assert lines(opened("/fifo")) == []


def test_much_is_read_by_and_by(opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "_AT_ONCE", 1000)
    source = opened()
    append(tmp_path / "log", b"".join(b"%09d\n" % number for number in range(1000)))
    source.ask(50)
    first = source.drain()
    assert len(first) < 200
    assert source.promised < 50
    assert select.select([source], [], [], 0)[0] == [source]
    rest = lines(source, 50)
    assert [event.fields["raw"] for event in first] + rest == [f"{number:09d}" for number in range(1000)]


def test_overlong_lines_come_in_parts(opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "LINE_MAX", 4)
    source = opened()
    append(tmp_path / "log", b"abcdefghij")
    assert lines(source) == ["abcd", "efgh"]
    append(tmp_path / "log", b"\n")
    assert lines(source, 60) == ["ij"]


def test_files_without_a_name_are_let_go(opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "_KEPT", 2)
    source = opened()
    before = len(os.listdir("/proc/self/fd"))
    for number in range(10):
        append(tmp_path / "log", b"%d\n" % number)
        assert lines(source, number + 1) == [str(number)]
        (tmp_path / "log").unlink()
    lines(source, 20)
    assert len(os.listdir("/proc/self/fd")) <= before + 3


def test_decoded(opened: Open, tmp_path: Path) -> None:
    source = opened(decode=decoder("json"))
    append(tmp_path / "log", b'{"stock": 3}\n\xff\n')
    source.ask(50)
    decoded, undecoded = source.drain()
    assert (decoded.fields, decoded.data) == ({"path": "/log", "stock": "3"}, {"stock": 3})
    assert undecoded.fields["raw"] == "\ufffd"
