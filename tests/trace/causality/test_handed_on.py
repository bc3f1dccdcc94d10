"""Work that goes from one to another otherwise than by asking: through queues, pipes, and what isn't followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from faultbox.trace.order import order

if TYPE_CHECKING:
    Story = Any


def connect(story: Story, ms: float, end: int, tid: int, port: int) -> None:
    """A connection of the api's to its cache, whose loop is thread 41 of process 40."""
    here, there = f"127.0.0.1:{port}", "127.0.0.1:6379"
    story.flow(ms, "api", tid, "opened", end=end, local=here, remote=there)
    story.flow(ms + 0.01, "cache", 41, "opened", pid=40, end=end + 1, local=there, remote=here, accepted=True)


def cache(story: Story, ms: float, kind: str, end: int, position: int) -> None:
    story.flow(ms, "cache", 41, kind, pid=40, end=end, length=9, position=position)


def idle(story: Story, began: float, ms: float) -> None:
    story.flow(ms, "cache", 41, "waits", began=began, pid=40, local="epoll", length=1, position=2**32 - 1)


def test_what_a_queue_gives_is_not_for_the_request_in_which_its_consumer_began(story: Story) -> None:
    """BRPOP: the question waits with the cache until another request pushes something."""
    story.ask(1, 1, tid=22, began=0.5)
    story.flow(1.3, "api", 22, "forked", child=23)
    idle(story, 0.1, 1.4)
    connect(story, 1.4, 300, 23, 3000)
    story.flow(1.5, "api", 23, "sent", end=300, length=9, position=9)
    cache(story, 1.55, "received", 301, 9)
    story.answer(1.6, 1, tid=22)
    idle(story, 1.65, 3.4)
    story.ask(3, 2, tid=24, began=2.5)
    connect(story, 3.4, 310, 24, 3100)
    story.flow(3.5, "api", 24, "sent", end=310, length=9, position=9)
    cache(story, 3.55, "received", 311, 9)
    cache(story, 3.6, "sent", 311, 9)
    cache(story, 3.65, "sent", 301, 9)
    story.flow(3.7, "api", 24, "received", began=3.51, end=310, length=9, position=9)
    story.answer(3.75, 2, tid=24)
    story.flow(3.8, "api", 23, "received", began=1.51, end=300, length=9, position=9)
    wrote = story.write(3.9, tid=23)
    assert story.step_of(wrote) == "?"
    assert "cache" in [each.service for each in story.told().candidates(wrote)]


def test_who_waits_for_an_answer_goes_on_with_its_request_whatever_set_the_other_going(story: Story) -> None:
    story.ask(1, 1, tid=22, began=0.5)
    idle(story, 0.1, 1.4)
    connect(story, 1.4, 300, 22, 3000)
    story.flow(1.5, "api", 22, "sent", end=300, length=9, position=9)
    cache(story, 1.55, "received", 301, 9)
    idle(story, 1.6, 2)
    cache(story, 2.1, "sent", 301, 9)
    story.flow(2.2, "api", 22, "received", began=1.51, end=300, length=9, position=9)
    wrote = story.write(2.3, tid=22)
    story.answer(2.4, 1, tid=22)
    assert story.step_of(wrote) == "1"


def through_pipe(story: Story, ms: float, sender: int, position: int, waited_from: float) -> Any:
    """A thread writes into the pipe of a helper process, made by thread 22, which thereupon writes a file."""
    story.flow(ms, "api", sender, "sent", end=70, length=2, position=position, local="pipe")
    story.flow(
        ms + 0.1, "api", 31, "received", began=waited_from, pid=30, end=70, length=2, position=position, local="pipe"
    )
    return story.event(ms + 0.2, "file", "api", tid="31", pid="30", op="write")


def test_a_helper_process_works_for_whom_its_pipe_says(story: Story) -> None:
    story.ask(1, 1, tid=22, began=0.5)
    story.flow(1.3, "api", 22, "forked", child=31)
    first = through_pipe(story, 1.5, 22, 2, waited_from=1.4)
    story.answer(1.8, 1, tid=22)
    story.ask(3, 2, tid=23, began=2.5)
    second = through_pipe(story, 3.5, 23, 4, waited_from=1.75)
    assert (story.step_of(first), story.step_of(second)) == ("1", "2")


@pytest.mark.parametrize("what", ["datagram", "signal"])
def test_something_came_that_is_not_followed(story: Story, what: str) -> None:
    story.waits(0.5, 1.01)
    story.ask(1, 1)
    early = story.write(1.3)
    story.flow(1.4, "api", 21, "came", local=what)
    assert (story.step_of(early), story.step_of(story.write(1.5))) == ("1", "?")


def test_a_thread_that_has_a_request_goes_on_with_it_whatever_it_reads(story: Story) -> None:
    story.ask(1, 1, tid=22, began=0.5)
    story.flow(1.4, "api", 22, "came", began=1.3, local="datagram")
    wrote = story.write(1.5, tid=22)
    story.answer(1.6, 1, tid=22)
    assert story.step_of(wrote) == "1"


def test_a_process_that_another_one_lets_go_on_may_not_work_for_its_maker_any_more(story: Story) -> None:
    story.waits(0.5, 1.01)
    story.ask(1, 1)
    story.flow(1.3, "api", 21, "forked", child=31)
    story.flow(9, "api", 31, "waits", began=1.4, pid=30, local="futex", length=1, position=2**32 - 1)
    wrote = story.event(9.1, "file", "api", tid="31", pid="30", op="write")
    assert story.step_of(wrote) == "?"


def test_a_worker_may_have_gone_on_with_the_next_of_its_queue(story: Story) -> None:
    """It asks for the first request; when it has heard, the second one is there too, and nobody sees the queue."""
    story.ask(1, 1, tid=22, began=0.5)
    connect(story, 1.3, 300, 25, 3000)
    story.flow(1.4, "api", 25, "sent", end=300, length=9, position=9)
    cache(story, 1.5, "received", 301, 9)
    early = story.write(1.6, tid=25)
    story.ask(2, 2, tid=23, began=0.5)
    cache(story, 2.5, "sent", 301, 9)
    story.flow(2.6, "api", 25, "received", began=1.41, end=300, length=9, position=9)
    late = story.write(2.7, tid=25)
    assert (story.step_of(early), story.step_of(late)) == ("1", "?")


def test_a_thread_that_was_killed_where_it_waited_was_not_at_work(story: Story) -> None:
    story.waits(0.1, 0.3, tid=22, local="futex")
    story.waits(0.5, 1.01)
    story.ask(1, 1)
    story.answer(1.25, 1)
    story.waits(1.3, 5.01)
    story.ask(5, 2)
    wrote = story.write(5.5)
    story.flow(99, "api", 22, "ended", began=0.4)
    assert story.step_of(wrote) == "2"


def test_a_datagram_may_have_told_anything(story: Story) -> None:
    step, before, after = story.events[0], story.write(2), story.write(4)
    story.flow(0.05, "driver", 11, "waits", local="poll")
    story.waits(0.1, 1)
    story.flow(3, "api", 21, "came", local="datagram")
    known = order(story.events, story.flows)
    assert (known.before(step, before), known.before(step, after)) == (False, None)


def test_a_service_that_works_on_after_its_answers_may_do_so_later_too(story: Story) -> None:
    """Its worker was seen to do something for the first request when that had been answered."""
    story.ask(1, 1, tid=22, began=0.5)
    story.answer(1.5, 1, tid=22)
    story.write(1.8, tid=25)
    story.waits(1.9, 3.25, tid=25, local="futex")
    story.ask(3, 2, tid=23, began=2.5)
    wrote = story.write(3.3, tid=25)
    mine = story.write(3.4, tid=23)
    story.answer(3.5, 2, tid=23)
    assert (story.step_of(wrote), story.step_of(mine)) == ("?", "2")


def test_what_is_logged_right_after_an_answer_leaves_nothing_behind(story: Story) -> None:
    story.waits(0.5, 1.01)
    story.ask(1, 1)
    story.answer(1.5, 1)
    logged = story.write(1.6)
    story.waits(1.7, 3.01)
    story.ask(3, 2)
    assert (story.step_of(logged), story.step_of(story.write(3.3))) == ("1", "2")


def test_the_end_of_what_another_one_says_may_have_told_anything(story: Story) -> None:
    """The api reads the driver's request, and then that the driver has hung up: what did the second step have to do
    with that?"""
    story.ask(1, 1)
    second = story.event(2, "step_send", "driver", "thread 12", step="3")
    story.flow(1.9, "driver", 12, "waits", local="poll")
    early = story.write(2.5)
    story.flow(3, "api", 21, "received", end=101)
    late = story.write(3.5)
    known = order(story.events, story.flows)
    assert (known.before(second, early), known.before(second, late)) == (False, None)
