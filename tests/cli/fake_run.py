"""A run that says what it is told to: what the command line does with a run, without one.

In a test it is put in the place of `faultbox.run.start`, and nothing in that of a runner; as a script
(`fake_run.py SCRIPT -- ARGUMENTS`) it is the whole `faultbox` command with such a run behind it.
"""

from __future__ import annotations

import importlib.util
import os
import select
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Self

from faultbox.model.source import Position, Problem
from faultbox.model.update import (
    CaseDone,
    CaseStarted,
    Printed,
    Refused,
    RunDone,
    RunStarted,
    SpecRefused,
    Update,
)
from faultbox.model.verdict import CaseResult, DeadAssumption, Frame, RunResult, Verdict
from faultbox.run.request import Request


def _spools() -> ModuleType:
    path = Path(__file__).parents[1] / "evidence" / "spools.py"
    spec = importlib.util.spec_from_file_location("faultbox_test_spools", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


spools = sys.modules.get("faultbox_test_spools") or _spools()

Script = Callable[["FakeRun"], Iterator[Update]]


class FakeRun:
    """As faultbox.run.Run; the script gives its updates."""

    def __init__(self, request: Request, script: Script) -> None:
        self.request = request
        self.signals: list[int] = []
        self._script = script
        self._heard, self._tell = os.pipe()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._heard)
        os.close(self._tell)

    def __iter__(self) -> Iterator[Update]:
        return self._script(self)

    def interrupt(self, number: int) -> None:
        self.signals.append(number)
        os.write(self._tell, b"x")

    def await_signal(self) -> int:
        """Wait until somebody interrupts the run; which signal it was."""
        assert select.select([self._heard], [], [], 30)[0], "nobody interrupted the run"
        return self.signals[0]

    def started(self, infos: Sequence[object], **more: object) -> RunStarted:
        named: dict[str, object] = {"services": ("db", "cache", "api"), "excluded": (), "notes": (), "warnings": ()}
        about = named | more
        return RunStarted(
            self.request.seed,
            self.request.seed_origin,
            str(self.request.spec),
            cases=tuple(infos),
            **about,  # type: ignore[arg-type]
        )

    def spool(self, infos: Sequence[object], results: Sequence[CaseResult], **more: object) -> None:
        spec = self.request.spec.resolve()
        options = {"select": list(self.request.select), "runs": self.request.runs, "strict": self.request.strict}
        sources = {str(spec): spec.read_text(encoding="utf-8")}
        seed = self.request.seed
        spools.write(
            self.request.run_dir, infos, results, spec=spec, sources=sources, options=options, seed=seed, **more
        )

    def go(self, infos: Sequence[object], results: Sequence[CaseResult], **more: object) -> Iterator[Update]:
        """A whole run: every case starts and is done, in order."""
        started = more.pop("started", None) or self.started(infos)
        self.spool(infos, results, events=more.pop("events", None))
        assert isinstance(started, RunStarted)
        yield started
        for result in results:
            yield CaseStarted(result.info.id, result.info.run)
            yield CaseDone(result)
        yield self.done(results, **more)

    def done(self, results: Sequence[CaseResult], **more: object) -> RunDone:
        return RunDone(RunResult(self.request.seed, tuple(results), strict=self.request.strict, **more))  # type: ignore[arg-type]


def passing(run: FakeRun) -> Iterator[Update]:
    info = spools.info("test_create_order")
    yield from run.go([info], [spools.result(info, duration_ms=45)])


def vacuous(run: FakeRun) -> Iterator[Update]:
    """A test with an inline fault that met nothing."""
    info = spools.info("test_create_order")
    quiet = spools.rule(2, 0, 0, service="cache", keyword="write", action="deny(EIO)", misses=("write /var/log/x",))
    prints = ("two\nlines", "x" * 100_000)
    yield from run.go([info], [spools.result(info, duration_ms=45, exercised=False, rules=(quiet,), prints=prints)])


def orders(run: FakeRun) -> Iterator[Update]:
    """The run of the third seed, cut to a few cases: two red cells, one that met no fault."""
    infos = [
        spools.info("test_health_endpoint"),
        spools.cell("order_creation", "db_down"),
        spools.cell("order_creation", "cache_down"),
        spools.cell("login_flow", "db_down"),
    ]
    results = [
        spools.result(infos[0], duration_ms=12),
        spools.result(infos[1], duration_ms=203, exercised=True),
        red_cell(infos[2]),
        spools.result(infos[3], duration_ms=3, exercised=False),
    ]
    started = run.started(infos, excluded=((0, "login_flow", "cache_down"),))
    events = {infos[2].id: [spools.event(17, "deny(EIO)")]}
    yield from run.go(infos, results, started=started, events=events)


def red_cell(info: object) -> CaseResult:
    """A failed case with everything that explains one."""
    quiet = spools.rule(2, 0, 0, service="cache", keyword="write", action="deny(EIO)", misses=("write /var/log/x",))
    return spools.result(  # type: ignore[no-any-return]
        info,
        Verdict.FAILED,
        12,
        exercised=True,
        reason="expect_success: status_code=503 (want < 500)",
        code="ASSERTION",
        traceback=(Frame("spec.star:41:5", "order_creation", "    assert_eq(r.status, 200)", 5, 29),),
        rules=(spools.rule(), quiet),
        deciding=(spools.event(17, "deny(ECONNREFUSED)", peer="cache") | {"ms": 210.4, "times": 3},),
        logs={"api": ("starting", "cache: connection refused \x1b[31m!")},
        prints=("creating an order",),
        notes=("ran twice",),
    )


def everything(run: FakeRun) -> Iterator[Update]:
    """One case of every verdict, a dead assumption, warnings, an error and a line printed at load."""
    verdicts = [Verdict.PASSED, Verdict.ERRORED, Verdict.INCONCLUSIVE, Verdict.HALTED]
    infos = [spools.info(f"test_{verdict}") for verdict in verdicts]
    results = [
        spools.result(info, verdict, reason="" if verdict is Verdict.PASSED else "why")
        for info, verdict in zip(infos, verdicts, strict=True)
    ]
    warning = Problem("UNUSED", "db_slow is never used", Position(str(run.request.spec), 1, 1))
    started = run.started(infos, notes=("Without BPF",), warnings=(warning,))
    dead = DeadAssumption("disk_full", "spec.star:30:13", (spools.rule(12, 0, 0, misses=("write /x",)),))
    yield Printed("", "loading")
    yield from run.go(
        infos, results, started=started, dead=(dead,), warnings=("db_slow: not exercised",), errors=("it broke",)
    )


def misspelt(run: FakeRun) -> Iterator[Update]:
    spec = str(run.request.spec)
    yield SpecRefused(
        (
            Problem("UNKNOWN_ERRNO", "deny(): no errno is called EI", Position(spec, 1, 8), "EIO, ENOSPC, ...", "EIO"),
            Problem("UNKNOWN_NAME", "undefined: faultt", Position(spec, 2, 1), nearest="fault"),
        )
    )


def unfit(run: FakeRun) -> Iterator[Update]:
    yield Refused("this kernel is too old", "use Linux 5.19 or newer", 3)


def nothing(run: FakeRun) -> Iterator[Update]:
    yield Refused("no case is named happy", "did you mean test_happy_path?", 2)


def waiting(run: FakeRun) -> Iterator[Update]:
    """Finishes one case, and the run only when it is interrupted."""
    infos = [spools.info("test_a"), spools.info("test_b")]
    results = [spools.result(infos[0])]
    run.spool(infos, results, begun=["test_b"])
    yield run.started(infos)
    yield CaseStarted("test_a", 1)
    yield CaseDone(results[0])
    yield CaseStarted("test_b", 1)
    yield run.done(results, interrupted=run.await_signal())


def dry(run: FakeRun) -> Iterator[Update]:
    yield run.started([spools.info("test_health"), spools.cell("order", "db_down")])
    yield RunDone(RunResult(run.request.seed, ()))


def many(run: FakeRun) -> Iterator[Update]:
    infos = [spools.info(f"test_{number:04d}") for number in range(400)]
    yield from run.go(infos, [spools.result(each) for each in infos])


SCRIPTS: dict[str, Script] = {
    each.__name__: each for each in (passing, vacuous, orders, everything, misspelt, unfit, nothing, waiting, dry, many)
}


def main() -> int:
    from faultbox import run
    from faultbox.cli import main as faultbox
    from faultbox.run import early

    script = SCRIPTS[sys.argv[1]]
    run.start = lambda request, _: FakeRun(request, script)  # type: ignore[assignment,return-value]
    early.Runner = nullcontext  # type: ignore[assignment,misc]
    return faultbox(sys.argv[3:])


if __name__ == "__main__":
    sys.exit(main())
