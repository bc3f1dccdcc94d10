"""The ordered, complete log of a case."""

from __future__ import annotations

import contextlib
import contextvars
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faultbox.model.event import Event, Source, SourceLost
from faultbox.model.host import Inconclusive, SpecError
from faultbox.trace.history import History
from faultbox.trace.intake import Intake
from faultbox.trace.spool import Spool
from faultbox.trace.watchers import Violation, Watcher, Watchers

_ASK_NS = 20_000_000
"""How long an event may wait for an idle source before that source is asked."""
_ASK_AWAITED_NS = 2_000_000
"""The same while somebody waits for an event."""
_CANCEL_S = 0.05
"""How often a waiter looks whether it was cancelled."""
_SYNC_S = 5.0


@dataclass(eq=False)
class _Request:
    """Something that the log's thread does for another one."""

    work: Callable[[], None]
    done: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None


@dataclass(eq=False)
class _Sync:
    """A wait for all that happened before `token` (0: not yet asked).

    A source may stamp what happened before it was asked with the time at which it noticed. So when
    all have answered and something younger is left, they are asked a second time.
    """

    token: int = 0
    again: bool = False
    done: threading.Event = field(default_factory=threading.Event)


class Log:
    """Orders what all sources of a world give, shows it to watchers, answers queries and spools it.

    One thread (`start`, `stop`) calls the sources, the watchers and `on_violation`; before `start`
    the caller of a method does its work. The newest `keep` events stay in memory: a query that
    would need older ones is inconclusive, though the spool has them all.

    The tokens with which sources are asked are times of CLOCK_MONOTONIC, and an event's `time_ns`
    must not be older than what its source has promised before.
    """

    def __init__(
        self,
        spool_path: Path,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        on_violation: Callable[[Violation], None] | None = None,
        keep: int = 200_000,
    ) -> None:
        self._clock = clock
        self._spool = Spool(spool_path, clock)
        self._intake = Intake(clock)
        self._history = History(keep)
        self._watchers = Watchers(on_violation)
        self._gate = threading.Lock()  # guards _requests against _failure
        self._requests: deque[_Request] = deque()
        self._failure = ""
        self._syncs: list[_Sync] = []
        self._thread: threading.Thread | None = None
        self._acting = 0
        self._stopping = False
        self._stopped = False

    @property
    def count(self) -> int:
        """How many events have been ordered: the number of the newest."""
        return self._history.count

    @property
    def dropped(self) -> int:
        """How many of the oldest events are only in the spool."""
        return self._history.dropped

    @property
    def violations(self) -> Sequence[Violation]:
        """What monitors found, in order; one a monitor."""
        return tuple(self._watchers.violations)

    @property
    def lost(self) -> Sequence[SourceLost]:
        """Why the log is not complete, and of which types events may be missing; empty while it is."""
        own = [self._spool.lost] if self._spool.lost is not None else []
        return (*self._intake.lost, *own)

    def append(
        self,
        type: str,  # noqa: A002 - the name that events and filters have
        service: str,
        fields: Mapping[str, str] | None = None,
        data: Mapping[str, Any] | None = None,
        *,
        origin: str = "",
    ) -> None:
        """Log something that this process did, as happening now. After `stop` it is no longer part of the case."""
        self._intake.append(Event(0, type, service, fields or {}, data or {}, origin=origin))

    def add(self, source: Source) -> None:
        """Listen to a source. Returns when its descriptor is polled."""
        self._do(lambda: self._intake.open(source))

    def remove(self, source: Source) -> None:
        """Drain a source a last time and forget it; only then may its descriptor be closed."""
        self._do(lambda: self._intake.forget(source))

    def watch(self, check: Callable[[Event], object], *, name: str = "") -> None:
        """Show every event of the case to `check`: first the past ones, then each new one before the next is ordered.

        Where it raises, that is a Violation, and `check` is not called again. It runs in the log's
        thread, in a copy of the caller's context. Raises Inconclusive when past events were dropped.
        """
        watcher = Watcher(name or getattr(check, "__name__", "monitor"), check, contextvars.copy_context())
        self._do(lambda: self._watchers.begin(watcher, self.query()))

    def sync(self, timeout_s: float = _SYNC_S) -> int:
        """Wait until all that happened before this call is ordered, watched and on disk.

        Gives the newest event's number. Raises Inconclusive, naming the source, when one does not answer or was lost;
        not so where it lost events of known types only, which `lost` has.
        In a watcher the log stands at the watcher's event, and nothing is waited for.
        """
        if not self._acts and not self._stopped:
            late = self._await_sync(timeout_s)
            if late:
                raise Inconclusive(f"the log is not complete: {', '.join(late)} did not answer within {timeout_s:g} s")
        if self._failure:
            raise Inconclusive(f"the log is not complete: {self._failure}")
        unknown = [str(each) for each in self.lost if each.types is None]
        if unknown:
            raise Inconclusive(f"the log is not complete: {'; '.join(unknown)}")
        return self.count

    def query(self, where: Callable[[Event], bool] | None = None) -> list[Event]:
        """The ordered events that match. Raises Inconclusive when some were dropped from memory."""
        events, gone = self._history.after(0)
        _need(gone)
        return events if where is None else [event for event in events if where(event)]

    def await_event(
        self, matches: Callable[[Event], bool], deadline_ns: int, cancelled: Callable[[], bool] = lambda: False
    ) -> Event | None:
        """The first event, past or to come, that matches; None when cancelled or once the deadline has passed.

        What happened before the deadline is found even where it is seen only later. Raises
        Inconclusive where it could have been missed, SpecError in a watcher (no event comes while it runs).
        """
        seen = missed = 0
        while not cancelled():
            over = self._clock() >= deadline_ns
            if over and not self._acts:
                self.sync()
            fresh, gone = self._history.after(seen)
            missed += gone
            for event in fresh:
                seen = event.seq
                if matches(event):
                    return event
            if over:
                _need(missed)
                return None
            self._await_next(seen, deadline_ns)
        return None

    @property
    def busy_here(self) -> bool:
        """Whether this is the thread that does the log's work, in a monitor: nothing more comes in while it runs."""
        return self._acts

    def start(self) -> None:
        """Start the log's thread. From then on the process must not fork."""
        self._thread = threading.Thread(target=self.run, name="log", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = _SYNC_S) -> None:
        """Order what has happened, end the thread and complete the spool. What does not answer is lost."""
        if self._stopped:
            return
        with contextlib.suppress(Inconclusive):
            late = self._await_sync(timeout_s)
            reason = f"did not answer within {timeout_s:g} s at the end"
            self._intake.lost.extend(SourceLost(name, reason) for name in late)
        self._stopping = True
        self._intake.wake()
        if self._thread is not None:
            self._thread.join(timeout_s)
            if self._thread.is_alive():  # in a monitor that does not return; its file can't be taken from it
                return
        self._stopped = True
        with self._as_log():
            self._intake.close()
            self._publish()
            self._spool.close()

    def run(self) -> None:
        """What the log's thread does, until `stop`."""
        with self._as_log():
            try:
                while not self._stopping:
                    self._turn(self._patience_s())
            except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for this thread any more
                self._fail(f"its thread failed: {error!r}")

    def _turn(self, patience_s: float | None) -> None:
        """One round: wait, take in, serve other threads, order, watch, spool."""
        self._intake.wait(patience_s)
        while self._requests:
            self._serve(self._requests.popleft())
        self._publish()
        self._intake.ask_laggards(self._ask_interval)
        self._publish()
        self._settle()
        self._spool.flush_if_due()

    def _patience_s(self) -> float | None:
        """Seconds until something must be done unasked; None while all is quiet."""
        times = [due for due in (self._spool.due_ns, self._intake.due_ns(self._ask_interval)) if due is not None]
        return max(0.0, (min(times) - self._clock()) / 1e9) if times else None

    @property
    def _ask_interval(self) -> int:
        return _ASK_AWAITED_NS if self._history.awaited else _ASK_NS

    def _serve(self, request: _Request) -> None:
        try:
            request.work()
        except (Inconclusive, OSError) as error:
            request.error = error
        finally:
            request.done.set()

    def _publish(self) -> None:
        while (event := self._intake.pop()) is not None:
            numbered = self._history.append(event)
            self._spool.write(numbered)
            self._watchers.show(numbered)

    def _begin_sync(self, sync: _Sync) -> None:
        self._syncs.append(sync)
        sync.token = self._intake.ask_all()

    def _settle(self) -> None:
        """Let go of those whose wait is over."""
        for sync in [each for each in self._syncs if not self._intake.behind(each.token)]:
            if self._intake.holds(sync.token if sync.again else None):
                if not sync.again:
                    sync.again = True
                    sync.token = self._intake.ask_all()
                continue
            self._spool.flush()
            self._syncs.remove(sync)
            sync.done.set()

    def _fail(self, reason: str) -> None:
        with self._gate:
            self._failure = reason
            requests = list(self._requests)
        for request in requests:
            request.error = Inconclusive(f"the log is not complete: {reason}")
            request.done.set()
        for sync in self._syncs:
            sync.done.set()

    @property
    def _acts(self) -> bool:
        """Whether the calling thread is the one that does the log's work just now."""
        return self._acting == threading.get_ident()

    @contextlib.contextmanager
    def _as_log(self) -> Iterator[None]:
        before, self._acting = self._acting, threading.get_ident()
        try:
            yield
        finally:
            self._acting = before

    def _post(self, request: _Request) -> None:
        with self._gate:
            if self._failure:
                raise Inconclusive(f"the log is not complete: {self._failure}")
            self._requests.append(request)
        self._intake.wake()

    def _do(self, work: Callable[[], None]) -> None:
        """Have the log's thread do something, and wait for it."""
        if self._acts or self._thread is None:
            with self._as_log():
                work()
            return
        request = _Request(work)
        self._post(request)
        request.done.wait()
        if request.error is not None:
            raise request.error

    def _await_sync(self, timeout_s: float) -> list[str]:
        """Wait for a sync, and longer than `timeout_s` as long as events come through; gives who did not answer."""
        sync = _Sync()
        if self._thread is None:
            self._sync_here(sync, timeout_s)
        else:
            self._post(_Request(lambda: self._begin_sync(sync)))
            seen = self.count
            while not sync.done.wait(timeout_s) and self.count != seen:
                seen = self.count
        if sync.done.is_set():
            return []
        return (self._intake.behind(sync.token) if sync.token else []) or ["a monitor that is still running"]

    def _sync_here(self, sync: _Sync, timeout_s: float) -> None:
        until = time.monotonic() + timeout_s
        with self._as_log():
            self._begin_sync(sync)
            self._turn(0)
            while not sync.done.is_set() and time.monotonic() < until:
                self._turn(max(0.0, until - time.monotonic()))

    def _await_next(self, seen: int, deadline_ns: int) -> None:
        if self._acts:
            raise SpecError("MONITOR_WAITS", "a monitor can't wait for events: none comes while it runs")
        if self._thread is None:
            with self._as_log():
                self._turn(min(_CANCEL_S, max(0.0, (deadline_ns - self._clock()) / 1e9)))
            return
        self._intake.wake()  # so that idle sources are asked at the shorter interval
        self._history.wait(seen, min(_CANCEL_S, max(0.0, (deadline_ns - self._clock()) / 1e9)))


def _need(gone: int) -> None:
    if gone:
        raise Inconclusive(f"the case gave so many events that the first {gone} are no longer in memory")
