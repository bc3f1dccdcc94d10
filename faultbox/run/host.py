"""The host: what a running scenario's builtins reach of their world. Implements model.host.Host."""

from __future__ import annotations

import contextlib
import contextvars
import ctypes
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from faultbox import plan as planner
from faultbox import protocols
from faultbox import rules as engine
from faultbox.model.event import Event
from faultbox.model.fault import Assumption, Fault
from faultbox.model.host import CaseHalted, ExitStatus, Inconclusive, Response, Way
from faultbox.model.message import MessageFault
from faultbox.model.plan import Needs
from faultbox.model.source import Position
from faultbox.model.spec import Monitor, Spec
from faultbox.model.topology import Endpoint
from faultbox.run import mapped, unfinished
from faultbox.run.observability import why_incomplete, why_not_all, why_not_observable
from faultbox.run.partitions import Partitions
from faultbox.run.scopes import Scopes
from faultbox.run.stage import Stage

if TYPE_CHECKING:
    from faultbox.trace.order import HappensBefore


class WorldHost:
    """The world of one case, as its scenario sees it.

    Everything that waits does so on one condition, so that a halt (the case's limit, an
    interrupt) ends every branch at once.
    """

    def __init__(self, spec: Spec, needs: Needs, stage: Stage, tell: Callable[[str], None]) -> None:
        self._spec = spec
        self._needs = needs
        self._stage = stage
        self._tell = tell
        self._halted = threading.Event()
        self._interruptible = False
        self._branches: set[int] = set()
        self._lock = threading.Lock()
        self._started: dict[tuple[str, str], list[int]] = {}
        self.partitions = Partitions(spec, stage)
        self._parted: list[tuple[frozenset[str], int]] = []
        self._inline: dict[str, int] = {}
        self.prints: list[str] = []
        self._steps = 0
        self.assertions = 0
        self._order: tuple[int, HappensBefore] | None = None
        self.doing: dict[int, str] = {}
        self.timed_out_steps: list[str] = []
        self.accepted_exits: set[str] = set()
        self.judged_types: set[str] = set()
        self.monitors: list[Monitor] = []

    # -- steps

    def step(self, endpoint: Endpoint, method: str, arguments: Mapping[str, Any]) -> Response:
        self._check()
        what = f"{endpoint}.{method}({_summary(arguments)})"
        self.doing[threading.get_ident()] = what
        common = {"target": str(endpoint), "method": method, "protocol": endpoint.interface.protocol}
        with self._lock:
            number = self._steps = self._steps + 1
        common["step"] = str(number)
        origin = f"thread {threading.get_native_id()}"
        self._stage.log.append("step_send", "driver", {**common, "summary": _summary(arguments)}, origin=origin)
        try:
            address = self._stage.address_of(endpoint)
            protocol = protocols.get(endpoint.interface.protocol)
            given = protocol.defaults(self._spec.services[endpoint.service].env)
            tls = self._stage.security.of(endpoint)
            secured = {"tls": tls} if tls is not None else {}
            response = protocol.step(address, method, {**given, **arguments}, **secured)
        finally:
            self.doing.pop(threading.get_ident(), None)
        if response.error == "timeout":
            self.timed_out_steps.append(what)
        self._stage.log.append("step_recv", "driver", {**common, **_outcome(response)}, origin=origin)
        self._check()
        return response

    # -- faults

    def arm(
        self, service: str, faults: Sequence[tuple[str, Fault]], position: Position, *, started: bool = False
    ) -> int:
        self._check()
        scope_id = self._scope_id(f"fault@{position.line}")
        handle = self.scopes.begin(engine.bind(faults, self._spec.services, scope_id=scope_id, target=service))
        if started:
            self._started.setdefault((service, ""), []).append(handle)
        return handle

    def arm_messages(
        self,
        endpoint: Endpoint,
        rules: Sequence[MessageFault],
        source: str,
        position: Position,
        *,
        started: bool = False,
    ) -> int:
        self._check()
        scope_id = self._scope_id(f"fault@{position.line}")
        handle = self.scopes.begin(engine.bind_messages(rules, endpoint, scope_id=scope_id, source=source))
        if started:
            self._started.setdefault((endpoint.service, endpoint.interface.name), []).append(handle)
        return handle

    def arm_assumption(self, assumption: Assumption) -> int:
        self._check()
        scope_id, services = self._scope_id(assumption.name), self._spec.services
        calls = engine.bind(assumption, services, scope_id=scope_id, assumption=assumption.name)
        return self.scopes.begin([*calls, *engine.bind_assumption_messages(assumption, services, scope_id=scope_id)])

    def disarm(self, handle: int) -> None:
        self.scopes.end(handle)

    def disarm_started(self, service: str, interface: str = "") -> None:
        keys = [key for key in self._started if key[0] == service and interface in ("", key[1])]
        for handle in sorted((each for key in keys for each in self._started.pop(key)), reverse=True):
            self.scopes.end(handle)

    def partition(self, a: str, b: str, direction: Way, position: Position, *, started: bool = False) -> int:
        self._check()
        handle = self.partitions.begin(a, b, direction, position)
        if started:
            self._parted.append((frozenset((a, b)), handle))
        return handle

    def heal(self, handle: int) -> None:
        self.partitions.end(handle)

    def heal_started(self, a: str, b: str) -> None:
        for pair, handle in [each for each in self._parted if each[0] == frozenset((a, b))]:
            self._parted.remove((pair, handle))
            self.partitions.end(handle)

    def _scope_id(self, name: str) -> str:
        """A scope's name; a number tells apart those that one place begins again, so that each counts for itself."""
        with self._lock:
            count = self._inline[name] = self._inline.get(name, 0) + 1
        return name if count == 1 else f"{name}#{count}"

    @property
    def scopes(self) -> Scopes:
        return self._stage.scopes

    # -- the trace

    def events(self) -> Sequence[Event]:
        self._check()
        return unfinished.so_far(self._stage)

    def await_event(self, matches: Callable[[Event], bool], within_ms: float) -> Event | None:
        self._check()
        deadline = time.monotonic_ns() + int(within_ms * 1e6)
        found = self._stage.log.await_event(matches, deadline, self._halted.is_set)
        self._check()
        return found if found is not None else next(filter(matches, unfinished.calls(self._stage)), None)

    def observable(self, filters: Mapping[str, str], where: object = None) -> str:
        return why_not_observable(filters, self._needs, self._spec, where) or self.missing(filters, where)

    def missing(self, filters: Mapping[str, str], where: object = None) -> str:
        self._stage.log.sync()
        lost, asked = self._stage.lost(), planner.judged(filters, where)
        reason = why_incomplete(lost, asked.types) if lost else ""
        return reason or (self._why_mapped(filters, where) if asked.types & {"file", "syscall"} else "")

    def _why_mapped(self, filters: Mapping[str, str], where: object) -> str:
        if self._stage.observer is None or not (filters or where):
            return ""
        return mapped.why_unseen(self._stage.observer.totals().files, filters, where)

    def caused(self, first: Event, then: Event) -> bool | None:
        self._check()
        log = self._stage.log
        if log.busy_here:
            raise Inconclusive("a monitor can't ask what came of what: the flows of its events are not in yet")
        known = self._order
        if known is None or known[0] < max(first.seq, then.seq):
            from faultbox.run import causality

            known = self._order = log.sync(), causality.order_so_far(self._stage, log.query())
        return known[1].before(first, then)

    def watch(self, monitor: Monitor) -> None:
        """Monitors run in the log's thread, in a copy of the caller's context."""
        self._check_sees(monitor)
        self.judged_types |= planner.watched(monitor).types
        self.monitors.append(monitor)
        wanted, look = monitor.service, monitor.begin()

        def check(event: Event) -> None:
            if not wanted or event.service == wanted:
                look(event)

        self._stage.log.watch(check, name=monitor.name)

    def _check_sees(self, monitor: Monitor) -> None:
        """A monitor of what this case can't show would be green for ever. Raises Inconclusive."""
        reason = why_not_all(planner.watched(monitor), self._needs, self._spec)
        if reason:
            raise Inconclusive(f"monitor {monitor.name!r} can't be judged: {reason}")

    # -- services and time

    def exit_of(self, service: str, within_ms: float) -> ExitStatus | None:
        self._check()
        self.accepted_exits.add(service)
        self.await_event(lambda event: event.type == "service_exited" and event.service == service, within_ms)
        return self._stage.exits.get(service)

    def sleep(self, milliseconds: float) -> None:
        self._halted.wait(milliseconds / 1000)
        self._check()

    def print(self, text: str, position: Position) -> None:
        self.prints.append(text)
        self._stage.log.append("print", "driver", {"text": text, "at": str(position)})
        self._tell(text)

    def asserted(self) -> None:
        self.assertions += 1

    # -- branches

    def parallel(self, branches: Sequence[Callable[[], Any]]) -> list[Any]:
        """Real threads, one a branch, each in this context; the first failing branch's error is raised at the end."""
        self._check()
        results: list[Any] = [None] * len(branches)
        errors: dict[int, BaseException] = {}

        def run(index: int, context: contextvars.Context) -> None:
            self._branches.add(threading.get_ident())
            try:
                results[index] = context.run(branches[index])
            except BaseException as error:  # noqa: BLE001 - carried to the caller's thread
                errors[index] = error
            finally:
                self._branches.discard(threading.get_ident())

        threads = [
            threading.Thread(target=run, args=(index, contextvars.copy_context()), name=f"branch-{index + 1}")
            for index in range(len(branches))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._check()
        if errors:
            raise errors[min(errors)]
        return results

    # -- the end

    @contextlib.contextmanager
    def haltable(self) -> Iterator[None]:
        """While this holds, a halt may interrupt the main thread anywhere, a Starlark loop included."""
        try:
            with self._lock:
                self._interruptible = True
            self._check()
            yield
        finally:
            with self._lock:
                self._interruptible = False

    def halt(self) -> None:
        """End the scenario, wherever it is: waits end, steps are cut, Starlark loops are interrupted."""
        if self._halted.is_set():
            return
        self._halted.set()
        protocols.cancel_all()
        with self._lock:
            if self._interruptible:
                for thread in {threading.main_thread().ident, *self._branches}:
                    if thread is not None:
                        _raise_in(thread, CaseHalted)

    def _check(self) -> None:
        if self._halted.is_set():
            raise CaseHalted


def _raise_in(thread: int, error: type[BaseException]) -> None:
    """Raise at the thread's next bytecode (Python C API, PyThreadState_SetAsyncExc)."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))


def _summary(arguments: Mapping[str, Any]) -> str:
    """The arguments of a step in a few words, for traces."""
    return ", ".join(f"{name}={_short(value)}" for name, value in arguments.items() if name in {"path", "body", "data"})


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _outcome(response: Response) -> dict[str, str]:
    fields = {
        "status": str(response.status),
        "status_code": str(response.status),
        "ok": str(response.ok).lower(),
        "duration_ms": f"{response.duration_ms:.3f}",
    }
    if response.error:
        fields["error"] = response.error
    if not response.ok and response.body:
        fields["body"] = response.body[:2048]
    return fields
