"""The pool: which case runs when, and what became of it.

Controls run before what they control; worlds run side by side; a case that failed on time
on a starved host runs again alone. One thread, one selector: pidfds of worlds and their links.
"""

from __future__ import annotations

import dataclasses
import os
import selectors
import signal
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from faultbox.link import Frame, Link
from faultbox.model.plan import Case, Plan
from faultbox.model.update import CaseDone, CaseStarted, Printed
from faultbox.model.verdict import CaseResult, RunResult, Verdict
from faultbox.run import room, spool, summary
from faultbox.run.armed import armed
from faultbox.run.ground import Ground
from faultbox.run.jobs import INTERVAL_S, Jobs
from faultbox.run.request import Request
from faultbox.run.starvation import STARVED

Key = tuple[str, int]
GRACE_S = 90.0
"""What a world may take beyond its case's limit (start, stop, clean-up) before the runner kills it."""


def run(plan: Plan, request: Request, ground: Ground, link: Link) -> RunResult:
    """Run every case of the plan and sum up."""
    return _Pool(plan, request, ground, link).run()


@dataclass
class _Living:
    """A world that runs."""

    case: Case
    place: Path
    pid: int
    pidfd: int
    link: Link
    kill_at: float
    alone: bool
    result: CaseResult | None = None
    killed: bool = False


@dataclass
class _Pool:
    plan: Plan
    request: Request
    ground: Ground
    link: Link
    jobs: Jobs = field(init=False)
    waiting: deque[Case] = field(init=False)
    again: deque[Case] = field(default_factory=deque)
    living: dict[int, _Living] = field(default_factory=dict)
    results: dict[Key, CaseResult] = field(default_factory=dict)
    first_tries: dict[Key, CaseResult] = field(default_factory=dict)
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    interrupted: int = 0
    stopped: bool = False
    paused: bool = False
    fail_fast: bool = False

    def __post_init__(self) -> None:
        self.jobs = Jobs(self.request.jobs, self.ground.group)
        self.waiting = deque(self.plan.cases)
        self.fail_fast = self.plan.fail_fast

    def run(self) -> RunResult:
        began = time.monotonic()
        self.selector.register(self.link, selectors.EVENT_READ, None)
        while self.waiting or self.again or self.living:
            self._start_what_may_start()
            if self.living or self.paused:
                self._wait()
        self.selector.close()
        ordered = [self.results[_key(case)] for case in self.plan.cases if _key(case) in self.results]
        return summary.sum_up(
            self.plan, ordered, duration_ms=(time.monotonic() - began) * 1000, interrupted=self.interrupted
        )

    def _start_what_may_start(self) -> None:
        if self.interrupted or self.stopped:
            self.waiting.clear()
            self.again.clear()
            return
        if self.paused:
            return
        for case in self._ready():
            self._start(case, alone=False)
        if self.again and not self.waiting and not self.living:
            self._start(self.again.popleft(), alone=True)

    def _ready(self) -> Iterable[Case]:
        """The waiting cases that may start now, in the plan's order; decides those whose control failed."""
        room = self.jobs.follow(len(self.living)) - len(self.living)
        for _ in range(len(self.waiting)):
            case = self.waiting.popleft()
            control = self._control_of(case)
            if control is not None and control.verdict is not Verdict.PASSED:
                self._finish(case, summary.uncontrolled(case, control))
            elif (control is None and self._awaits_control(case)) or room <= 0:
                self.waiting.append(case)
            else:
                room -= 1
                yield case

    def _control_of(self, case: Case) -> CaseResult | None:
        return self.results.get((case.info.control, case.info.run))

    def _awaits_control(self, case: Case) -> bool:
        key = (case.info.control, case.info.run)
        unfinished = [*self.waiting, *self.again, *(each.case for each in self.living.values())]
        return any(_key(each) == key for each in unfinished)

    def _start(self, case: Case, *, alone: bool) -> None:
        number = self.plan.cases.index(case) + 1
        try:
            place = spool.case_dir(self.request.run_dir, number, case.info)
        except OSError as error:
            if not room.lacking(error):
                raise
            self._finish(case, summary.no_room(case, self.request.run_dir, ()))
            return
        ours, theirs = Link.pair()
        self.link.send("update", CaseStarted(case.id, case.info.run, str(place), self._cgroup(place)))
        pid = self.ground.fork_world(
            case, place, theirs, [self.link, *(each.link for each in self.living.values()), ours]
        )
        theirs.close()
        kill_at = time.monotonic() + case.info.timeout_ms / 1000 + GRACE_S
        living = _Living(case, place, pid, os.pidfd_open(pid), ours, kill_at, alone)
        self.living[living.pidfd] = living
        self.selector.register(living.pidfd, selectors.EVENT_READ, living)
        self.selector.register(ours, selectors.EVENT_READ, living)

    def _cgroup(self, place: Path) -> str:
        return str(self.ground.group / place.name) if self.ground.group is not None else ""

    def _patience_s(self) -> float | None:
        """Until something must be done though nothing happens: more worlds may start, or one has had its time."""
        if self.waiting and not self.paused:
            return INTERVAL_S
        if not self.living:
            return None
        return max(min(each.kill_at for each in self.living.values()) - time.monotonic(), 0)

    def _wait(self) -> None:
        for key, _ in self.selector.select(self._patience_s()):
            if key.data is None:
                self._from_front()
            elif key.fileobj == key.data.pidfd:
                self._reap(key.data)
            elif key.data.pidfd in self.living:
                self._from_world(key.data, key.data.link.receive())
        now = time.monotonic()
        for living in self.living.values():
            if now > living.kill_at and not living.killed:
                living.killed = True
                signal.pidfd_send_signal(living.pidfd, signal.SIGKILL)

    def _from_front(self) -> None:
        frame = self.link.receive()
        if frame is None:
            os._exit(1)  # the front is gone, and with it everybody who could be told anything
        self._obey(frame)

    def _obey(self, frame: Frame) -> None:
        """What the user asks of a run that goes."""
        match frame.kind:
            case "interrupt":
                self.interrupted, self.paused = int(frame.body), False
                for living in self.living.values():
                    living.link.send("interrupt")
            case "jobs":
                self.jobs.fix(frame.body)
            case "pause":
                self.paused = bool(frame.body)
            case "fail_fast":
                self.fail_fast = bool(frame.body)

    def _from_world(self, living: _Living, frame: Frame | None) -> None:
        if frame is None:
            self.selector.unregister(living.link)
        elif frame.kind == "printed":
            self.link.send("update", Printed(living.case.id, frame.body))
        elif frame.kind == "done":
            living.result = frame.body

    def _reap(self, living: _Living) -> None:
        for frame in living.link.pending():
            if frame is not None:
                self._from_world(living, frame)
        _, status = os.waitpid(living.pid, 0)
        if living.link in self.selector.get_map():
            self.selector.unregister(living.link)
        self.selector.unregister(living.pidfd)
        del self.living[living.pidfd]
        os.close(living.pidfd)
        living.link.close()
        self.ground.bury(living.place)
        result = living.result
        if result is None:
            code = os.waitstatus_to_exitcode(status)
            result = summary.world_died(living.case, code, over_time=living.killed, rules=armed(living.place))
        self._judge_again_or_finish(living, result)

    def _judge_again_or_finish(self, living: _Living, result: CaseResult) -> None:
        key = _key(living.case)
        if self.interrupted and result.verdict is Verdict.HALTED:
            return
        if not living.alone and result.verdict is Verdict.FAILED and STARVED in result.notes:
            self.first_tries[key] = result
            self.again.append(living.case)
            return
        first = self.first_tries.get(key)
        if first is not None:
            result = summary.second_try(first, result)
        self._finish(living.case, result)

    def _finish(self, case: Case, result: CaseResult) -> None:
        number = self.plan.cases.index(case) + 1
        result = dataclasses.replace(result, directory=spool.case_name(number, case.info))
        try:
            spool.write_result(self.request.run_dir, result)
        except OSError as error:
            if not room.lacking(error):
                raise
            # The front has it, and writes it when the worlds have given their room back.
        self.results[_key(case)] = result
        self.link.send("update", CaseDone(result))
        if self.fail_fast and result.verdict in {Verdict.FAILED, Verdict.ERRORED}:
            self.stopped = True


def _key(case: Case) -> Key:
    return case.id, case.info.run
