"""What specs may ask of order by cause."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from faultbox.model.event import Event
from faultbox.model.host import AssertionFailed, Inconclusive, SpecError

Run = Callable[..., Any]
TRACE = [
    Event(n, "syscall", service, {"syscall": "write"}, {}, n) for n, service in ((1, "api"), (2, "db"), (3, "api"))
]
BEFORE = 'assert_before(first = {"service": "api"}, then = {"service": "db"}, causal = True)'


@pytest.fixture
def know(host: Any) -> Callable[[set[tuple[int, int]] | None], None]:
    """Which numbers of events came of which; None: nothing is known."""

    def make(pairs: set[tuple[int, int]] | None) -> None:
        host.trace = TRACE
        host.caused = lambda first, then: None if pairs is None else (first.seq, then.seq) in pairs

    return make


def test_what_came_of_the_other_by_messages_holds(run: Run, know: Any) -> None:
    know({(1, 2)})
    assert run(BEFORE) is None


def test_the_clock_alone_is_not_enough(run: Run, know: Any) -> None:
    know(set())
    with pytest.raises(AssertionFailed, match="by the clock alone, no messages lead there") as caught:
        run(BEFORE)
    assert [each.seq for each in caught.value.deciding] == [1, 2]


def test_what_is_not_known_is_inconclusive(run: Run, know: Any) -> None:
    know(None)
    with pytest.raises(Inconclusive, match=r"whether #2 .syscall of db. came of #1 .syscall of api. isn't known"):
        run(BEFORE)


@pytest.mark.parametrize(
    ("pairs", "answers"),
    [
        ({(1, 2)}, [True, False, False]),
        ({(2, 1)}, [False, True, False]),
        (set[tuple[int, int]](), [False, False, True]),
    ],
)
def test_events_know_what_came_of_them(run: Run, know: Any, pairs: set[tuple[int, int]], answers: list[bool]) -> None:
    know(pairs)
    body = "a, b = events()[:2]\nreturn [a.happens_before(b), a.happens_after(b), a.concurrent_with(b)]"
    assert list(run(body)) == answers


def test_events_are_compared_with_events(run: Run, know: Any) -> None:
    know(set())
    with pytest.raises(SpecError, match="it is compared with an event"):
        run('return events()[0].happens_before("#2")')
