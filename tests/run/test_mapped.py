"""A write through a shared mapping is seen by nobody, so its absence proves nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from faultbox.model.event import Event
from faultbox.model.observation import FileTotals, Watch
from faultbox.model.plan import Needs
from faultbox.model.source import Position
from faultbox.model.spec import Monitor
from faultbox.run import mapped
from faultbox.spec.builtin import Builtin

WAL = FileTotals("db", "/data/wal", opens=1, mappings=1)
FILES = (WAL, FileTotals("db", "/data/log", opens=1, writes=1))
SAID = "db maps /data/wal shared and writable: what it writes there by mapping is no call and no event"


def judge(function: Callable[[Event], bool]) -> Builtin:
    return Builtin("judge", lambda _site, args, _keywords: function(*args))


@pytest.mark.parametrize(
    ("filters", "concerned"),
    [
        ({"type": "file"}, True),
        ({"type": "file", "op": "write", "path": "/data/*"}, True),
        ({"path": "/data/wal"}, True),
        ({"syscall": "write", "service": "db"}, True),
        ({"syscall": "pwrite64", "service": "db"}, False),
        ({"type": "file", "op": "unlink"}, False),
        ({"type": "file", "path": "/data/log"}, False),
        ({"type": "file", "service": "api"}, False),
        ({"type": "stdout"}, False),
    ],
)
def test_what_a_hidden_write_would_have_been(filters: dict[str, str], concerned: bool) -> None:
    assert mapped.why_unseen(FILES, filters) == (SAID if concerned else "")


def test_a_function_is_asked_about_it() -> None:
    assert mapped.why_unseen(FILES, {}, judge(lambda event: event.fields["path"] == "/data/wal")) == SAID
    assert mapped.why_unseen(FILES, {"type": "file"}, judge(lambda event: event.fields["path"] == "/data/log")) == ""
    assert mapped.why_unseen(FILES, {"type": "file"}, judge(lambda event: event.fields["took_us"] == "1")) == ""


@pytest.mark.parametrize(
    ("service", "path", "said"), [("", "/data/wal", SAID), ("db", "/data/log", ""), ("api", "/data/wal", "")]
)
def test_a_monitor_is_shown_what_may_have_happened(service: str, path: str, said: str) -> None:
    def begin() -> Callable[[Event], None]:
        def look(event: Event) -> None:
            if event.type == "file" and event.fields["path"] == path:
                raise AssertionError

        return look

    assert mapped.why_not_judged(FILES, Monitor("m", begin, Position("x.star", 1), service)) == said


@pytest.mark.parametrize(
    ("watch", "said"),
    [
        (Watch(files=True), [SAID]),
        (Watch(files=True, globs=("/data/**",)), [SAID]),
        (Watch(files=True, globs=("/etc/**",)), []),
        (Watch(sockets=True), []),
    ],
)
def test_it_is_noted_where_files_are_asked_for(watch: Watch, said: list[str]) -> None:
    assert list(mapped.remarks(FILES, Needs(("db",), watched={"db": watch}))) == said
