"""The life of a case, from top to bottom. No other place orders these steps."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from faultbox import world as worlds
from faultbox.link import Link
from faultbox.linux import pidfd
from faultbox.model.host import CaseHalted, Inconclusive, current
from faultbox.model.plan import Case, Needs
from faultbox.model.verdict import CaseResult, Verdict
from faultbox.run import conclusion, room
from faultbox.run.ground import Ground
from faultbox.run.host import WorldHost
from faultbox.run.stage import Stage
from faultbox.run.start import StartFailed, start_all
from faultbox.run.starvation import run_delay_ns
from faultbox.run.verdict import Findings
from faultbox.run.vitals import Vitals

HELPER_DEATH_MS = 2_000


def live(case: Case, needs: Needs, ground: Ground, place: Path, runner: Link) -> CaseResult:
    """Open a world, run the case in it, judge, and leave nothing behind. Call with one thread only."""
    life = Life(case, needs, ground, place, runner)  # open; what was seeded lies in the layers below
    try:
        if life.start():  # launch, ready
            life.arm()
            life.scenario()
            life.sync()
            life.judge()
            life.disarm()
        life.stop()
        return life.result()
    finally:
        life.close()


class Life:
    """What the steps of a case's life share."""

    def __init__(self, case: Case, needs: Needs, ground: Ground, place: Path, runner: Link) -> None:
        self._born = time.monotonic()
        self._case = case
        self._needs = needs
        self._ground = ground
        self._stage = Stage(case, needs, ground, place)
        self._telling = threading.Lock()
        self._runner = runner
        self._host = WorldHost(ground.plan.spec, needs, self._stage, self._tell)
        current.set(self._host)
        self.value: Any = None
        self.answered = False
        self.judged = 0
        self._result: CaseResult | None = None
        self._frozen = False
        self.found = Findings()
        self.began = 0.0
        self.lasted_ms = 0.0
        self.run_delay = 0.0
        self._delay_before = 0
        self._deadline = threading.Timer(case.info.timeout_ms / 1000, self._limit_passed)
        self._deadline.daemon = True

    def start(self) -> bool:
        """Launch every service in the order of their dependencies; False when one did not become ready."""
        services = self._ground.plan.spec.services
        try:
            self._stage.start(self._needs.rules)
            self._stage.log.add(self._vitals())
            start_all(self._stage, [services[name] for name in self._needs.services])
        except StartFailed as failure:
            self.found.broken = conclusion.not_started(failure, self._stage)
            self.found.broken_code = "NOT_READY"
            self.found.blamed = failure.service
        except EOFError as error:
            self._broke(str(error))
        return not self.found.broken

    def arm(self) -> None:
        """From here on the case's faults are in force: start-up was spared, but for from_start rules."""
        self._stage.drive()
        for monitor in (*self._ground.plan.spec.monitors, *self._case.monitors):
            self._guard(partial(self._host.watch, monitor))
        self._delay_before = run_delay_ns(self._stage.members())
        self.began = time.monotonic()
        self._deadline.start()
        self._guard(lambda: self._case.setup() if self._case.setup is not None else None)
        after_start = [each for each in self._needs.rules if not each.fault.from_start]
        self._guard(lambda: self._stage.scopes.begin([*after_start, *self._needs.message_rules]))

    def scenario(self) -> None:
        def run() -> None:
            self.value = self._case.body()
            self.answered = True

        self._guard(run)

    def sync(self) -> None:
        """Everything that happened so far is in the log and was shown to every monitor.

        Also in a case that failed already: what is told of it must not depend on how far the log was.
        """
        if not self.found.decided:
            self._guard(self._stage.log.sync)
        elif self.found.error is not None:
            with contextlib.suppress(Inconclusive, EOFError):
                self._stage.log.sync()

    def judge(self) -> None:
        """Ask the expectation, with the scenario's value."""
        expect = self._case.expect
        if expect is not None:
            self._guard(lambda: conclusion.ask(expect, self.value))
        self._stage.conclude()
        self.sync()
        self._deadline.cancel()
        self.judged = self._stage.log.count
        self.lasted_ms = (time.monotonic() - self.began) * 1000
        waited = run_delay_ns(self._stage.members()) - self._delay_before
        self.run_delay = max(waited, 0) / 1e6 / max(self.lasted_ms, 1e-3)

    def disarm(self) -> None:
        """No fault meets the services' stop, and no call stays held up."""
        self._note_deaths()
        try:
            self._stage.scopes.end_all()
            self._host.partitions.end_all()
        except EOFError as error:
            self._broke(str(error))

    def stop(self, *, patience_ms: float = 0) -> None:
        self._stage.stop(patience_ms=patience_ms)

    def freeze(self) -> worlds.Frozen:
        """The disk as the stopped services left it, to lie under other worlds."""
        self._frozen = True
        return self._stage.world.freeze()

    def result(self) -> CaseResult:
        self._note_dead_helpers()
        self._note_full_disk()
        self._result = conclusion.conclude(self._case, self._stage, self._host, self.found, self)
        return self._result

    def close(self) -> None:
        failed = self._result is None or self._result.verdict is not Verdict.PASSED
        keep = self._frozen or (self._ground.plan.keep and failed)
        self._stage.close(keep=keep)
        if keep and not self._frozen:
            self._ground.put_aside(self._stage.place.name)

    @property
    def age_ms(self) -> float:
        return (time.monotonic() - self._born) * 1000

    def _guard(self, step: Callable[[], object]) -> None:
        """Do a step unless something has decided the case already; what it raises is a finding."""
        if self.found.decided:
            return
        try:
            with self._host.haltable():
                step()
        except CaseHalted as where:
            self.found.stopped = where  # whoever halted has said why
        except EOFError as error:
            self._broke(str(error))
        except Exception as error:  # noqa: BLE001 - the scenario is the user's code: all it raises is a finding
            if room.lacking(error):
                self._no_room()
            else:
                self.found.error = error

    def _note_deaths(self) -> None:
        """Services that ended although nobody expected it."""
        declared = self._ground.plan.spec.services
        self.found.deaths = {
            name: status
            for name, status in self._stage.exits.ended.items()
            if declared[name].on_exit == "fail" and name not in self._host.accepted_exits
        }
        for name, why in self._stage.restarts.failed.items():
            self._broke(f"{name} could not be started again: {why}", "NOT_RESTARTED")

    def _vitals(self) -> Vitals:
        return Vitals(self._stage.helpers(), self._runner, self._helper_died, self._ordered)

    def _note_dead_helpers(self) -> None:
        """A helper's links end a moment before its pidfd says that it died: a lost source makes us wait for that."""
        if any(each.types is None for each in self._stage.lost()):
            for name, descriptor in self._stage.helpers().items():
                if pidfd.wait(descriptor, HELPER_DEATH_MS):
                    self._helper_died(name)

    def _note_full_disk(self) -> None:
        """On a full disk services fail too, and it is nobody's fault that the spec asked for."""
        if room.gone(self._stage.place) or room.gone(self._ground.request.layers_dir):
            self._no_room()

    def _no_room(self) -> None:
        self._broke(f"{room.said(self._ground.request.run_dir)}: {room.ADVICE}", "NO_ROOM")

    def _helper_died(self, name: str) -> None:
        self._broke(f"{name} died: what its services did since can't be trusted, so the world was ended")
        self._host.halt()

    def _ordered(self, kind: str) -> None:
        if kind == "interrupt":
            self.found.halted = "interrupted"
            self._host.halt()

    def _broke(self, reason: str, code: str = "HELPER_DIED") -> None:
        if not self.found.broken:
            self.found.broken, self.found.broken_code = reason, code

    def _limit_passed(self) -> None:
        doing = " and ".join(self._host.doing.values())
        where = f" in {doing}" if doing else ""
        self.found.limit = f"timed out after {self._case.info.timeout_ms / 1000:g}s{where}"
        self._host.halt()

    def _tell(self, text: str) -> None:
        with self._telling:
            self._runner.send("printed", text)
