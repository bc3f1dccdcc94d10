"""The process that decides a service's system calls: one loop, one thread, nothing that blocks.

It runs in the pid namespace of its maker (a notification's pid reads 0 elsewhere) and in the
same user namespace or an outer one. A dead supervisor must hang its callers rather than turn
their calls into ENOSYS: whoever made it keeps a copy of each listener.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Mapping, Sequence
from errno import ENOSYS
from functools import partial
from typing import Any

from faultbox.link import Frame, Link
from faultbox.linux import seccomp
from faultbox.model.fault import ALLOW, Decision, Port, RuleSet
from faultbox.model.frozen import frozen
from faultbox.rules import decide
from faultbox.syscalls.call import Surroundings, Syscall
from faultbox.syscalls.evidence import Ledger
from faultbox.syscalls.filter import EXECS, MOVES, RINGS
from faultbox.syscalls.holds import Held, Holds
from faultbox.syscalls.outbox import Outbox, describe
from faultbox.syscalls.table import Prepared, Table, keys

_AT_ONCE = 16
"""Descriptors looked at in one round: epoll_wait(2) gives the others their turn in the next."""
_ID, _KEY = slice(0, 8), slice(16, 24)
"""What a notification is answered by; number and architecture of its call."""


@frozen
class Settings:
    """What a supervisor is born with. `counters` is shared with its maker, four u64 a slot.

    `addresses`: IP address to the service that it is an address of, where services share a port.
    """

    service: str
    seed: int
    counters: memoryview[int]
    ports: Sequence[Port] = ()
    addresses: Mapping[str, str] | None = None
    block_io_uring: bool = False


class _Launch:
    """A launch of the service. Its calls are its launcher's until the first execve."""

    def __init__(self, listener: seccomp.Listener, *, running: bool) -> None:
        self.listener = listener
        self.running = running


class Supervisor:
    """The loop. `control` asks and is answered, `events` carries records and the log's syncs."""

    def __init__(self, settings: Settings, control: Link, events: Link) -> None:
        self._seed = settings.seed
        self._control, self._events = control, events
        self._around = Surroundings(settings.service, settings.ports, settings.addresses)
        self._ledger = Ledger(settings.counters)
        self._outbox = Outbox(events)
        self._holds = Holds()
        self._refused = frozenset(RINGS) if settings.block_io_uring else frozenset()
        self._own_concern = self._refused.union(MOVES)
        self._exec_keys = frozenset(keys(EXECS))
        self._table = Table(RuleSet(), self._ledger, own=self._own_concern)
        self._poll = select.epoll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._launches: dict[int, _Launch] = {}
        self._stopped = False

    def run(self) -> None:
        """Serve until told to stop, or until the maker is gone."""
        self._watch(self._control.fileno(), self._serve_control)
        self._watch(self._events.fileno(), self._serve_log)
        self._watch(self._holds.fileno(), self._serve_timer)
        handlers, outbox, poll = self._handlers, self._outbox, self._poll.poll
        while not self._stopped:
            for fd, happened in poll(outbox.patience_s() if outbox.records else -1, _AT_ONCE):
                handler = handlers.get(fd)
                if handler is not None:  # a listener may have gone earlier in this round
                    handler(happened)
            if outbox.records:
                outbox.flush_if_late()

    # -- calls

    def _serve(self, launch: _Launch, happened: int) -> None:
        if not happened & select.EPOLLIN:
            self._drop(launch)
            return
        listener = launch.listener
        try:
            notification = listener.receive()
            if launch.running:
                prepared = self._table.by_key.get(notification[_KEY])
                if prepared is not None:
                    self._decide(listener, prepared, notification)
                    return
            else:
                launch.running = notification[_KEY] in self._exec_keys
            listener.let_go(notification[_ID])
        except FileNotFoundError:
            return  # the caller has died meanwhile

    def _decide(self, listener: seccomp.Listener, prepared: Prepared, notification: bytes) -> None:
        call = Syscall(self._around, prepared.name, prepared.shape, notification, listener)
        if prepared.multiplexed:
            behind = self._table.behind(call.tid, call.arguments)
            if behind is None:
                listener.let_go(notification[_ID])
                return
            prepared = behind[0]
            call = Syscall(self._around, prepared.name, prepared.shape, notification, listener)
            call.arguments = behind[1]
        decision = decide(prepared.rules, call, self._ledger, self._seed)
        if prepared.own:
            decision = self._attended(call, decision)
        if decision is ALLOW and not prepared.observed:
            listener.let_go(notification[_ID])
            return
        self._tell(call, decision)
        self._answer(listener, notification[_ID], decision)

    def _attended(self, call: Syscall, decision: Decision) -> Decision:
        """What becomes of a call that concerns the supervisor itself."""
        if call.name in MOVES:
            self._around.places.unsettle()
        elif call.name in self._refused and not decision.errno:
            self._ledger.rings_refused[call.name] += 1
            return Decision(decision.delay_ms, ENOSYS, decision.fired)
        return decision

    def _tell(self, call: Syscall, decision: Decision) -> None:
        fields = describe(call, decision)
        if call.name in self._refused:
            fields["reason"] = "a ring would bypass the rules"
        elif decision.errno:
            self._ledger.denied(decision.fired[-1].rule, call)
        self._outbox.add(fields)

    def _answer(self, listener: seccomp.Listener, identity: bytes, decision: Decision) -> None:
        if decision.delay_ms:
            due = time.monotonic_ns() + round(decision.delay_ms * 1e6)
            self._holds.add(due, listener.fd, identity, decision.errno)
        elif decision.errno:
            listener.deny(identity, decision.errno)
        else:
            listener.let_go(identity)

    def _release(self, held: Held) -> None:
        listener = self._launches[held.listener].listener
        try:
            if held.errno:
                listener.deny(held.identity, held.errno)
            else:
                listener.let_go(held.identity)
        except FileNotFoundError:
            return  # killed while it was held

    # -- frames

    def _serve_control(self, _: int) -> None:
        frame = self._control.receive()
        if frame is None:
            self._stopped = True
            return
        kind, body = self._asked(frame)
        self._control.send(kind, body)

    def _asked(self, frame: Frame) -> tuple[str, Any]:
        match frame.kind:
            case "listener":
                self._attach(frame.fds[0], running=frame.body)
                return "attached", None
            case "swap":
                self._swap(frame.body)
                return "swapped", frame.body.epoch
            case "release":
                return "released", self._release_all()
            case "report":
                return "report", self._ledger.report(self._around.places.tasks)
            case "stop":
                self._release_all()
                self._outbox.flush()
                self._stopped = True
                return "stopped", None
        raise ValueError(f"a supervisor was sent an unknown frame: {frame.kind!r}")

    def _serve_log(self, _: int) -> None:
        frame = self._events.receive()
        if frame is None:
            self._stopped = True
            return
        self._outbox.flush()
        self._events.send("synced", frame.body)

    def _serve_timer(self, _: int) -> None:
        for held in self._holds.due():
            self._release(held)

    def _release_all(self) -> int:
        count = 0
        for held in self._holds.all():
            self._release(held)
            count += 1
        return count

    # -- listeners and rules

    def _attach(self, fd: int, *, running: bool) -> None:
        listener = seccomp.Listener(fd)
        listener.wake_callers_at_once()
        launch = self._launches[fd] = _Launch(listener, running=running)
        self._watch(fd, partial(self._serve, launch))

    def _drop(self, launch: _Launch) -> None:
        """All tasks of that launch are gone."""
        fd = launch.listener.fd
        self._poll.unregister(fd)
        del self._handlers[fd], self._launches[fd]
        self._holds.forget(fd)
        self._around.places.forget_tasks()
        os.close(fd)

    def _watch(self, fd: int, handler: Callable[[int], None]) -> None:
        self._handlers[fd] = handler
        self._poll.register(fd, select.EPOLLIN)

    def _swap(self, ruleset: RuleSet) -> None:
        """From now on these rules hold. Calls that are held up already keep their time."""
        self._ledger.look_at_mappings(self._around.places.tasks)
        self._around.places.forget()
        self._table = Table(ruleset, self._ledger, own=self._own_concern)
