from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from faultbox.model.event import Event, EventsLost, SourceLost
from faultbox.model.host import AssertionFailed, CaseHalted, Inconclusive, SpecError
from faultbox.trace import Log

Make = Callable[..., Any]


def names(events: list[Event]) -> list[str]:
    return [event.fields["name"] for event in events]


class TestOrder:
    def test_two_sources_and_the_driver_in_one_order(self, log: Log, clock: Any, source: Make, happened: Make) -> None:
        db, api = source("db"), source("api")
        log.add(db)
        log.add(api)
        clock.now = 200
        log.append("step_send", "driver", {"name": "second"})
        api.put(happened(300, "api", name="third"))
        db.put(happened(100, name="first"), happened(400, name="fourth"))
        clock.now = 500
        assert log.sync() == 4
        assert names(log.query()) == ["first", "second", "third", "fourth"]
        assert [event.seq for event in log.query()] == [1, 2, 3, 4]

    def test_nothing_is_ordered_past_a_source_that_has_not_answered(
        self, log: Log, clock: Any, source: Make, happened: Make
    ) -> None:
        slow = source("db", prompt=False)
        log.add(slow)
        log.append("step_send", "driver", {"name": "step"})
        with pytest.raises(Inconclusive, match=r"db did not answer within 0.01 s"):
            log.sync(timeout_s=0.01)
        assert log.query() == []
        slow.put(happened(clock.now - 1, name="before"))
        slow.answer()
        clock.now += 1
        slow.prompt = True
        log.sync()
        assert names(log.query()) == ["before", "step"]

    def test_what_a_source_notices_only_when_asked_is_part_of_the_sync(self, live: Log) -> None:
        class Noticing:
            """Like a waiter for children: what ended before is stamped with the time of looking."""

            name, promised = "exits", 0

            def __init__(self) -> None:
                self.asked = self.given = 0

            def fileno(self) -> int:
                return -1

            def ask(self, token: int) -> None:
                self.asked = token

            def drain(self) -> list[Event]:
                self.promised = self.asked
                if self.given or not self.asked:
                    return []
                self.given = 1
                return [Event(time.monotonic_ns(), "service_exited", "db", {"name": "exit"})]

        live.add(Noticing())
        live.sync()
        assert names(live.query()) == ["exit"]

    def test_a_lagging_source_is_asked_only_while_something_waits_for_it(
        self, live: Log, source: Make, happened: Make
    ) -> None:
        idle = source("idle")
        live.add(idle)
        live.sync()
        asked = len(idle.asked)
        ordered = threading.Event()
        live.watch(lambda event: ordered.set())
        assert len(idle.asked) == asked
        live.append("step_send", "driver")
        assert ordered.wait(5)
        assert len(idle.asked) == asked + 1

    def test_a_source_at_its_end_holds_nothing_back(self, log: Log, source: Make, happened: Make) -> None:
        db = source("db")
        log.add(db)
        db.put(happened(10, name="last words"))
        log.sync()
        log.remove(db)
        log.append("exit", "db", {"name": "exit"})
        log.sync()
        assert names(log.query()) == ["last words", "exit"]

    def test_removing_drains_a_last_time(self, log: Log, source: Make, happened: Make) -> None:
        db = source("db")
        log.add(db)
        db.put(happened(10, name="late"))
        log.remove(db)
        log.sync()
        assert names(log.query()) == ["late"]

    def test_an_ended_descriptor_is_no_longer_polled(self, live: Log, source: Make, happened: Make) -> None:
        db = source("db")
        live.add(db)
        ordered = threading.Event()
        live.watch(lambda event: ordered.set())
        db.put(happened(10, name="bye"))
        db.end()
        assert ordered.wait(5)
        live.append("exit", "db", {"name": "exit"})
        live.sync()
        assert names(live.query()) == ["bye", "exit"]
        assert db.fileno() == -1


class TestLoss:
    def test_a_lost_source_makes_every_sync_inconclusive_by_name(self, log: Log, source: Make, happened: Make) -> None:
        db = source("supervisor db")
        log.add(db)
        db.put(happened(10, name="seen"), SourceLost("supervisor db", "its process died"))
        for _ in range(2):
            with pytest.raises(Inconclusive, match="supervisor db: its process died"):
                log.sync()
        assert [str(lost) for lost in log.lost] == ["supervisor db: its process died"]

    def test_a_source_that_lost_some_events_gives_those_it_has_and_goes_on(
        self, log: Log, clock: Any, source: Make, happened: Make
    ) -> None:
        kernel = source("kernel")
        log.add(kernel)
        for name in ("before", "later"):
            kernel.put(EventsLost("kernel", "3 found no room", [happened(clock.now, name=name)]))
            with pytest.raises(Inconclusive, match="kernel: 3 found no room"):
                log.sync()
        kernel.put(happened(clock.now, name="after"))
        with pytest.raises(Inconclusive):
            log.sync()
        assert names(log.query()) == ["before", "later", "after"]
        assert [str(lost) for lost in log.lost] == ["kernel: 3 found no room"]

    def test_what_was_lost_of_known_types_is_said_once_for_each_and_the_log_goes_on(
        self, log: Log, clock: Any, source: Make, happened: Make
    ) -> None:
        kernel = source("kernel")
        log.add(kernel)
        for lost in ({"file"}, {"file"}, {"file", "socket"}):
            kernel.put(EventsLost("kernel", f"{len(lost)} found no room", [happened(clock.now)], frozenset(lost)))
            log.sync()
        assert [(str(each), each.types) for each in log.lost] == [
            ("kernel: 1 found no room", {"file"}),
            ("kernel: 2 found no room", {"socket"}),
        ]
        kernel.put(EventsLost("kernel", "nobody knows what", []))
        with pytest.raises(Inconclusive, match="kernel: nobody knows what"):
            log.sync()

    def test_a_source_that_can_not_be_asked_is_lost(self, log: Log, source: Make) -> None:
        def broken(token: int) -> None:
            raise BrokenPipeError(32, "Broken pipe")

        db = source("db")
        db.ask = broken
        log.add(db)
        with pytest.raises(Inconclusive, match=r"db: .*Broken pipe"):
            log.sync()

    def test_an_event_after_the_promise_that_excluded_it(
        self, log: Log, clock: Any, source: Make, happened: Make
    ) -> None:
        db = source("db")
        log.add(db)
        log.sync()
        db.put(happened(clock.now - 500, name="late"), happened(clock.now - 400, name="late too"))
        clock.now += 1
        with pytest.raises(Inconclusive, match=r"db: gave an event .* older than it had promised"):
            log.sync()
        assert len(log.lost) == 1
        assert names(log.query()) == ["late", "late too"]

    def test_a_source_silent_at_the_end_is_lost(self, tmp_path: Path, source: Make, read: Make) -> None:
        log = Log(tmp_path / "events.jsonl")
        mute = source("db", prompt=False)
        log.add(mute)
        log.start()
        log.append("step_send", "driver", {"name": "kept"})
        log.stop(timeout_s=0.05)
        assert [lost.source for lost in log.lost] == ["db"]
        assert names(read(tmp_path / "events.jsonl")) == ["kept"]
        with pytest.raises(Inconclusive):
            log.sync()

    def test_a_fault_of_the_log_itself_is_never_silent(self, live: Log, source: Make) -> None:
        def bug() -> list[Event]:
            raise RuntimeError("bug")

        db = source("db")
        db.drain = bug
        live.add(db)
        with pytest.raises(Inconclusive, match="its thread failed: RuntimeError"):
            live.sync()
        with pytest.raises(Inconclusive, match="its thread failed"):
            live.watch(print)

    def test_a_full_disk_is_a_loss(self, clock: Any) -> None:
        log = Log(Path("/dev/full"), clock=clock)
        log.append("step_send", "driver")
        with pytest.raises(Inconclusive, match="spool: events can't be written to disk: No space left on device"):
            log.sync()
        assert log.count == 1
        log.stop()


class TestWatchers:
    def test_a_watcher_sees_the_past_then_the_present_each_once(self, log: Log) -> None:
        seen: list[str] = []
        log.append("x", "driver", {"name": "a"})
        log.sync()
        log.append("x", "driver", {"name": "b"})
        log.watch(lambda event: seen.append(event.fields["name"]))
        assert seen == ["a"]
        log.append("x", "driver", {"name": "c"})
        log.sync()
        assert seen == ["a", "b", "c"]

    def test_all_watchers_see_an_event_before_any_sees_the_next(self, log: Log) -> None:
        seen: list[tuple[str, int]] = []
        for name in ("one", "two"):
            log.watch(lambda event, name=name: seen.append((name, event.seq)))
        log.append("x", "driver")
        log.append("x", "driver")
        log.sync()
        assert seen == [("one", 1), ("two", 1), ("one", 2), ("two", 2)]

    def test_a_violation_is_told_once_and_the_others_go_on(self, tmp_path: Path) -> None:
        told: list[tuple[str, int]] = []
        log = Log(tmp_path / "events.jsonl", on_violation=lambda v: told.append((v.monitor, v.event.seq)))
        seen: list[int] = []

        def never_b(event: Event) -> None:
            if event.fields["name"] == "b":
                raise AssertionFailed("b happened")

        log.watch(never_b)
        log.watch(lambda event: seen.append(event.seq), name="other")
        for name in "abcb":
            log.append("x", "driver", {"name": name})
        log.sync()
        log.stop()
        assert told == [("never_b", 2)]
        assert [str(violation.error) for violation in log.violations] == ["b happened"]
        assert seen == [1, 2, 3, 4]

    def test_in_a_watcher_the_log_stands_at_its_event(self, live: Log) -> None:
        seen: list[tuple[int, int]] = []

        def look(event: Event) -> None:
            seen.append((live.sync(), len(live.query())))

        live.watch(look)
        for _ in range(5):
            live.append("x", "driver")
        live.sync()
        assert seen == [(n, n) for n in range(1, 6)]

    def test_a_watcher_may_start_a_watcher(self, log: Log) -> None:
        seen: list[int] = []

        def first(event: Event) -> None:
            if event.seq == 2:
                log.watch(lambda event: seen.append(event.seq))

        log.watch(first)
        for _ in range(3):
            log.append("x", "driver")
        log.sync()
        assert seen == [1, 2, 3]
        assert log.violations == ()

    def test_a_watcher_may_look_back_but_not_wait(self, live: Log) -> None:
        found: list[Event | None] = []

        def waits(event: Event) -> None:
            found.append(live.await_event(lambda e: e.seq == 1, deadline_ns=1 << 62))
            live.await_event(lambda e: False, deadline_ns=1 << 62)

        live.watch(waits)
        live.append("x", "driver")
        live.sync()
        assert [event.seq for event in found if event] == [1]
        assert isinstance(live.violations[0].error, SpecError)
        assert "a monitor can't wait for events" in str(live.violations[0].error)

    def test_a_halted_case_is_not_a_violation(self, log: Log) -> None:
        def halted(event: Event) -> None:
            raise CaseHalted

        log.watch(halted)
        log.append("x", "driver")
        log.sync()
        assert log.violations == ()

    def test_a_watcher_has_the_context_of_who_started_it(self, live: Log) -> None:
        variable: ContextVar[str] = ContextVar("variable", default="unset")
        seen: list[str] = []
        variable.set("mine")
        live.watch(lambda event: seen.append(variable.get()))
        live.append("x", "driver")
        live.sync()
        assert seen == ["mine"]

    def test_a_monitor_that_is_slow_is_waited_for(self, tmp_path: Path) -> None:
        log = Log(tmp_path / "events.jsonl")
        seen: list[str] = []
        never = threading.Event()

        def trudges(event: Event) -> None:
            never.wait(0.1)
            seen.append(event.type)

        log.watch(trudges)
        log.start()
        for _ in range(10):
            log.append("x", "driver")
        log.sync(timeout_s=0.4)
        assert len(seen) == 10
        log.stop()

    def test_a_monitor_that_does_not_return_is_named(self, tmp_path: Path) -> None:
        log = Log(tmp_path / "events.jsonl")
        entered, leave = threading.Event(), threading.Event()

        def hangs(event: Event) -> None:
            entered.set()
            leave.wait()

        log.watch(hangs)
        log.start()
        log.append("x", "driver")
        assert entered.wait(5)
        with pytest.raises(Inconclusive, match="a monitor that is still running did not answer"):
            log.sync(timeout_s=0.01)
        leave.set()
        log.stop()


class TestAwait:
    def test_the_past_answers_at_once(self, log: Log) -> None:
        log.append("x", "driver", {"name": "a"})
        log.sync()
        found = log.await_event(lambda event: event.fields["name"] == "a", deadline_ns=1 << 62)
        assert found is not None
        assert found.seq == 1

    def test_an_event_to_come_wakes_the_waiter(self, live: Log, source: Make) -> None:
        idle = source("idle")
        live.add(idle)
        waiting = threading.Event()

        def matches(event: Event) -> bool:
            waiting.set()
            return event.fields["name"] == "b"

        live.append("x", "driver", {"name": "a"})
        appender = threading.Thread(target=lambda: (waiting.wait(5), live.append("x", "driver", {"name": "b"})))
        appender.start()
        found = live.await_event(matches, deadline_ns=1 << 62)
        appender.join()
        assert found is not None
        assert found.seq == 2

    def test_what_happened_before_the_deadline_is_found_when_seen_after_it(
        self, log: Log, clock: Any, source: Make, happened: Make
    ) -> None:
        class Late:
            """A source that gives its event only when asked."""

            name, promised = "late", 0

            def __init__(self) -> None:
                self.given: list[Event] = []

            def fileno(self) -> int:
                return -1

            def ask(self, token: int) -> None:
                self.given = [happened(token - 1, name="in time")] if not self.promised else []
                self.promised = token

            def drain(self) -> list[Event]:
                return self.given

        log.add(Late())
        found = log.await_event(lambda event: True, deadline_ns=clock.now)
        assert found is not None
        assert found.fields["name"] == "in time"

    def test_none_when_the_time_is_over(self, log: Log, clock: Any) -> None:
        assert log.await_event(lambda event: True, deadline_ns=clock.now) is None

    def test_none_when_cancelled(self, live: Log) -> None:
        assert (
            live.await_event(lambda event: False, deadline_ns=1 << 62, cancelled=iter([False, True]).__next__) is None
        )

    def test_inconclusive_when_a_source_was_lost(self, log: Log, clock: Any, source: Make) -> None:
        db = source("db")
        log.add(db)
        db.put(SourceLost("db", "gone"))
        with pytest.raises(Inconclusive, match="db: gone"):
            log.await_event(lambda event: True, deadline_ns=clock.now)


class TestMemory:
    def test_what_was_dropped_makes_queries_inconclusive_and_stays_in_the_spool(
        self, tmp_path: Path, read: Make
    ) -> None:
        log = Log(tmp_path / "events.jsonl", keep=10)
        for number in range(30):
            log.append("x", "driver", {"name": str(number)})
        log.sync()
        assert log.count == 30
        assert 0 < log.dropped < 30
        with pytest.raises(Inconclusive, match=f"the first {log.dropped} are no longer in memory"):
            log.query()
        with pytest.raises(Inconclusive, match="no longer in memory"):
            log.watch(print)
        assert log.await_event(lambda event: event.seq == 30, deadline_ns=0) is not None
        with pytest.raises(Inconclusive, match="no longer in memory"):
            log.await_event(lambda event: event.seq == 1, deadline_ns=0)
        log.stop()
        assert names(read(tmp_path / "events.jsonl")) == [str(number) for number in range(30)]


class TestEnd:
    def test_after_stop_the_log_is_closed_and_can_be_read(self, tmp_path: Path) -> None:
        log = Log(tmp_path / "events.jsonl")
        log.start()
        log.append("x", "driver", {"name": "in"})
        log.stop()
        log.append("x", "driver", {"name": "out"})
        assert log.sync() == 1
        assert names(log.query()) == ["in"]
        log.stop()
