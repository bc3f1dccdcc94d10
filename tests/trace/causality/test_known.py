"""What makes a cause known or leaves it open, rule by rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    Story = Any

FOR_EVER = 2**32 - 1


def test_what_a_loop_does_after_one_request_came_is_for_that(story: Story) -> None:
    story.waits(0.5, 1.01)
    story.ask(1, 1)
    wrote = story.write(1.5)
    story.waits(2, 9)
    assert story.step_of(wrote) == "1"


def test_two_requests_that_came_together_are_not_told_apart(story: Story) -> None:
    story.waits(0.5, 1.01, ready=2)
    story.ask(1, 1)
    story.ask(1.1, 2)
    wrote = story.write(1.5)
    assert story.step_of(wrote) == "?"
    assert [each.service for each in story.told().candidates(wrote)] == ["api", "api"]


def test_what_was_done_before_the_other_one_came_is_known(story: Story) -> None:
    story.waits(0.5, 1.01)
    story.ask(1, 1)
    early = story.write(1.25)
    story.ask(1.3, 2)
    assert (story.step_of(early), story.step_of(story.write(1.8))) == ("1", "?")


def test_more_was_ready_than_was_seen_to_come(story: Story) -> None:
    story.waits(0.5, 1.01, ready=2)
    story.ask(1, 1)
    assert story.step_of(story.write(1.5)) == "?"


@pytest.mark.parametrize(("limit_us", "known"), [(FOR_EVER, "1"), (900_000, "1"), (2_000, "?")])
def test_a_timer_that_may_have_run_meanwhile(story: Story, limit_us: int, known: str) -> None:
    story.waits(0.5, 1.01, position=limit_us)
    story.ask(1, 1)
    assert story.step_of(story.write(1.9)) == known


def test_what_a_timer_set_going_is_not_known(story: Story) -> None:
    story.waits(0.5, 1.01)
    story.ask(1, 1)
    story.waits(1.3, 5, ready=0, position=3_700)
    wrote = story.write(5.1)
    assert story.step_of(wrote) == "?"
    assert len(story.told().candidates(wrote)) == 1


def test_a_request_that_waits_for_nothing_seen_may_go_on_in_the_burst_of_another(story: Story) -> None:
    story.waits(0.5, 1.01)
    story.ask(1, 1)
    story.waits(1.3, 2.01)
    story.ask(2, 2)
    assert story.step_of(story.write(2.5)) == "?"


def test_a_request_that_was_answered_is_over(story: Story) -> None:
    story.waits(0.5, 1.01)
    story.ask(1, 1)
    story.answer(1.25, 1)
    story.waits(1.3, 2.01)
    story.ask(2, 2)
    assert story.step_of(story.write(2.5)) == "2"


def test_work_handed_to_another_thread_is_known_while_there_is_no_other_request(story: Story) -> None:
    story.waits(0.5, 1.01)
    story.waits(0.5, 1.45, tid=22, local="futex")
    story.ask(1, 1)
    story.waits(1.4, 9)
    wrote = story.write(1.6, tid=22)
    story.waits(1.7, 9, tid=22, local="futex")
    assert story.step_of(wrote) == "1"


def test_a_thread_that_is_held_up_in_its_reads_is_followed_alone(story: Story) -> None:
    for tid, step in ((22, 1), (23, 2)):
        story.ask(step, step, tid=tid, began=0.5)
    first, second = story.write(2.6, tid=22), story.write(2.7, tid=23)
    assert (story.step_of(first), story.step_of(second)) == ("1", "2")
    assert story.step_of(story.write(2.8, tid=24)) == "?"


def test_a_thread_that_also_waits_for_many_is_not_followed_alone(story: Story) -> None:
    story.waits(0.1, 0.4)
    story.ask(1, 1, began=0.9)
    story.ask(2, 2)
    assert story.step_of(story.write(2.5)) == "?"


def test_a_loop_that_is_held_up_in_a_read_stays_a_loop(story: Story) -> None:
    story.ask(1, 1, began=0.9)
    story.waits(1.3, 5, ready=0, position=3_700)
    assert story.step_of(story.write(5.1)) == "?"


def test_a_thread_that_takes_a_request_while_it_has_one_runs_many_things(story: Story) -> None:
    story.ask(1, 1, began=0.9)
    story.ask(2, 2, began=1.9)
    assert story.step_of(story.write(2.5)) == "?"


def test_where_two_threads_took_part_in_an_exchange_none_is_followed_alone(story: Story) -> None:
    story.ask(1, 1, tid=22, began=0.5)
    story.ask(2, 2, tid=23, began=0.5)
    wrote = story.write(2.5, tid=22)
    story.answer(3, 1, tid=23)
    assert story.step_of(wrote) == "?"


def test_a_thread_that_was_never_seen_to_be_held_up_is_not_followed_alone(story: Story) -> None:
    story.ask(1, 1, tid=22)
    story.ask(2, 2, tid=23)
    story.flow(9, "api", 22, "waits", local="futex", length=1)
    assert story.step_of(story.write(2.5, tid=22)) == "?"


def test_a_thread_that_works_by_a_clock_may_have_set_others_going(story: Story) -> None:
    story.waits(0.5, 1.01)
    story.ask(1, 1)
    story.waits(0.1, 1.3, ready=0, tid=22, local="futex", position=1_200_000)
    wrote = story.write(1.4)
    story.write(1.5, tid=22)
    assert story.step_of(wrote) == "?"


def test_something_unseen_was_ready_later(story: Story) -> None:
    story.waits(0.5, 1.01)
    story.ask(1, 1)
    early = story.write(1.3)
    story.waits(1.4, 1.4, position=0)
    assert (story.step_of(early), story.step_of(story.write(1.5))) == ("1", "?")


def test_a_process_works_for_whom_it_was_made(story: Story) -> None:
    story.waits(0.5, 1.01)
    story.ask(1, 1)
    story.flow(1.3, "api", 21, "forked", child=31)
    story.flow(1.6, "api", 31, "wrote", pid=30, end=7, length=4, position=4, local="stdout")
    line = story.event(2, "stdout", "api", "pipe 7 1 4", raw="abc")
    assert story.step_of(line) == "1"


def test_a_line_is_of_who_wrote_its_bytes_and_open_where_several_did(story: Story) -> None:
    story.waits(0.5, 1.01)
    story.ask(1, 1)
    story.flow(1.4, "api", 21, "wrote", end=7, length=4, position=4, local="stdout")
    story.answer(1.45, 1)
    story.waits(1.5, 2.01)
    story.ask(2, 2)
    story.flow(2.4, "api", 21, "wrote", end=7, length=6, position=10, local="stdout")
    first = story.event(3, "stdout", "api", "pipe 7 1 4", raw="abc")
    both = story.event(3, "stdout", "api", "pipe 7 3 10", raw="c...")
    unseen = story.event(3, "stdout", "api", "pipe 7 9 12", raw="...")
    assert [story.step_of(each) for each in (first, both, unseen)] == ["1", "?", "?"]


def test_what_nobody_asked_for_has_no_cause(story: Story) -> None:
    story.waits(0.1, 0.5, ready=0, position=400)
    wrote = story.write(0.6)
    assert story.step_of(wrote) == "?"
    assert story.told().candidates(wrote) == []
