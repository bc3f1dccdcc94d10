"""A helper process as its maker sees it: asked, promised, stopped, and what its death means."""

from __future__ import annotations

import select
import signal
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from faultbox import helper
from faultbox.link import Link
from faultbox.linux import pidfd
from faultbox.model.event import Event, SourceLost

PATIENCE_S = 10.0


class Parrot(helper.Helper):
    what = "the parrot"

    def say(self, word: str) -> str:
        answer: str = self._ask("say", word)
        return answer

    def _read(self, records: Any) -> Iterable[Event]:
        return (Event(time_ns, "said", "parrot", {"word": word}) for time_ns, word in records)


def obedient(control: Link, events: Link) -> None:
    """Say back what is said, tell the log of it, and end when told to."""
    while True:
        for link in select.select([control, events], [], [])[0]:
            frame = link.receive()
            if frame is None or frame.kind == "stop":
                return
            if frame.kind == "sync":
                events.send("synced", frame.body)
            else:
                events.send("events", [(1, frame.body)])
                control.send("said", frame.body.upper())


def failing(control: Link, events: Link) -> None:
    events.send("events", [(1, "last")])
    raise ZeroDivisionError("the parrot fell")


def stubborn(control: Link, events: Link) -> None:
    while True:
        signal.pause()


@pytest.fixture
def parrot() -> Iterator[Callable[[helper.Live], Parrot]]:
    made: list[Parrot] = []

    def make(live: helper.Live) -> Parrot:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            made.append(Parrot("parrot", helper.fork("fb-parrot", live)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def drained(source: Parrot, *, past: int = 0) -> list[Event]:
    """Its events until it has promised, or is gone."""
    events: list[Event] = []
    while source.fileno() >= 0 and not (past and source.promised >= past):
        assert select.select([source.fileno()], [], [], PATIENCE_S)[0]
        events += source.drain()
    return events


def test_what_was_asked_before_is_there_when_it_promises(parrot: Callable[..., Parrot]) -> None:
    polly = parrot(obedient)
    assert polly.say("hello") == "HELLO"
    polly.ask(7)
    assert [each.fields["word"] for each in drained(polly, past=7)] == ["hello"]
    assert polly.promised == 7


def test_once_stopped_it_has_promised_everything(parrot: Callable[..., Parrot]) -> None:
    polly = parrot(obedient)
    polly.say("bye")
    polly.stop()
    polly.ask(9)
    assert [each.fields["word"] for each in drained(polly)] == ["bye"]
    assert polly.promised == 9
    with pytest.raises(EOFError, match="gone"):
        polly.say("more")


def test_a_death_is_a_lost_source(parrot: Callable[..., Parrot]) -> None:
    polly = parrot(obedient)
    pidfd.send_signal(polly.pidfd, signal.SIGKILL)
    with pytest.raises(SourceLost, match="the parrot has died"):
        drained(polly)
    assert polly.promised == 0


def test_a_failure_says_why_after_what_it_had_to_say(parrot: Callable[..., Parrot]) -> None:
    polly = parrot(failing)
    assert pidfd.wait(polly.pidfd, PATIENCE_S * 1000)
    assert [each.fields["word"] for each in polly.drain()] == ["last"]
    with pytest.raises(SourceLost, match="the parrot fell"):
        polly.drain()


def test_one_that_does_not_end_is_killed_and_may_have_lost_events(parrot: Callable[..., Parrot]) -> None:
    polly = parrot(stubborn)
    polly.stop()
    assert pidfd.wait(polly.pidfd, 0)
    with pytest.raises(SourceLost, match="did not end within 2 s"):
        drained(polly)
