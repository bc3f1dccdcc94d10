"""The runner: evaluates the spec, makes the plan, and forks a world per case.

Exec'ed by the front as `python -m faultbox.run.runner FD PARENT`. It has one task as long as it
lives (forks are only safe then), never runs a case itself and knows no asyncio: pipes only.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from faultbox import __version__
from faultbox.link import Link
from faultbox.model.exit import Exit
from faultbox.run.forking import die_with
from faultbox.run.opening import Eyes, Opening

if TYPE_CHECKING:  # the two helpers start before the rest is imported
    from faultbox.model.plan import Plan
    from faultbox.model.update import RunStarted, Update
    from faultbox.run.request import Request
    from faultbox.spec.gate import Gate


def main() -> int:
    die_with(int(sys.argv[2]))
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # the front decides; a terminal signals the whole group
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # kept out until it is ignored
    gc.disable()  # imports leave nothing to collect, and to look for it takes a tenth of their time
    link = Link.adopt(int(sys.argv[1]))
    frame = link.receive()
    if frame is None:
        return Exit.ERRORED
    request, group = frame.body
    opening = None if request.dry_run else Opening(group)
    from faultbox.spec.gate import Gate

    with Gate() as gate:
        link.send("update", work(request, group, link, gate, opening))
    return Exit.PASSED


def work(request: Request, group: Path | None, link: Link, gate: Gate, opening: Opening | None) -> Update:
    """The whole run; returns its last update, the others are sent as they come. `opening`: None for a dry run."""
    from faultbox import plan as planner
    from faultbox import spec as specs
    from faultbox.model.source import SpecErrors
    from faultbox.model.unfit import Unfit
    from faultbox.model.update import Printed, Refused, RunDone, SpecRefused
    from faultbox.run import room

    try:
        spec = specs.load(
            request.spec,
            seed=request.seed,
            root=request.root,
            gate=gate,
            on_print=lambda text, _: link.send("update", Printed("", text)),
        )
        plan = planner.plan(
            spec,
            request.select,
            runs=request.runs,
            seed=request.seed,
            seed_origin=request.seed_origin,
            timeout_ms=request.timeout_ms,
            control=request.control,
            strict=request.strict,
            keep=request.keep,
            fail_fast=request.fail_fast,
            shard=request.shard,
            pcap=request.pcap,
        )
    except SpecErrors as error:
        return SpecRefused(error.problems)
    except planner.NothingSelected as error:
        return Refused(str(error), error.advice, Exit.USAGE)
    seeing = _seeing(opening) if opening is not None else Eyes()
    try:
        with room.needed(request.run_dir):
            write_spool(request, plan, seeing.blind)
    except Unfit as error:
        return Refused(error.reason, error.advice, Exit.ERRORED)
    if opening is None:
        link.send("update", _started(request, plan, ""))
        from faultbox.model.verdict import RunResult

        return RunDone(RunResult(seed=request.seed, results=()))
    link.send("update", _started(request, plan, seeing.blind))
    return _execute(request, group, plan, seeing, link)


def _seeing(opening: Opening) -> Eyes:
    """Wait for the programs, with what worlds need imported meanwhile."""
    from faultbox.run import case, ground, pool  # noqa: F401

    return opening.result()


def _execute(request: Request, group: Path | None, plan: Plan, seeing: Eyes, link: Link) -> Update:
    from faultbox.model.unfit import Unfit
    from faultbox.model.update import Refused, RunDone
    from faultbox.run import ground, pool, room

    try:
        with room.needed(request.run_dir), ground.prepare(request, plan, group, seeing) as prepared:
            return RunDone(pool.run(plan, request, prepared, link))
    except Unfit as error:
        return Refused(error.reason, error.advice, Exit.ERRORED)


def _started(request: Request, plan: Plan, blind: str) -> RunStarted:
    from faultbox.model.update import RunStarted

    return RunStarted(
        seed=plan.seed,
        seed_origin=plan.seed_origin,
        spec=str(request.spec),
        services=tuple(plan.spec.services),
        cases=tuple(case.info for case in plan.cases),
        excluded=plan.excluded,
        notes=_notes(plan, blind),
        warnings=plan.spec.warnings,
    )


def _notes(plan: Plan, blind: str) -> tuple[str, ...]:
    """What holds for the run as a whole; `blind`: why the kernel shows nothing of services, if it doesn't."""
    notes = []
    if blind:
        notes.append(f"No BPF here ({blind}): what needs to see files, sockets or processes is inconclusive")
    if plan.shard is not None:
        about = f"{len(plan.cases)} of {len(plan.whole)} cases"
        notes.append(f"Shard {plan.shard}: {about}; `faultbox merge` judges assumptions over all shards")
    return tuple(notes)


def write_spool(request: Request, plan: Plan, blind: str) -> None:
    """Everything about the run that is known before it starts: a killed run leaves at least this.

    `blind`: why the kernel shows nothing of services, if it doesn't.
    """
    from faultbox.model import record
    from faultbox.run import spool, summary
    from faultbox.run.declared import declared

    planned = {
        "cases": record.to_json([case.info for case in plan.cases]),
        "uses": record.to_json(summary.uses(plan)),
        "whole": [[case.id, case.info.run] for case in plan.whole] if plan.shard is not None else None,
    }
    run_dir = request.run_dir
    run_dir.mkdir(parents=True, exist_ok=True)
    spool.write_json(run_dir / "run.json", run_record(request, plan, blind))
    spool.write_json(run_dir / "plan.json", planned)
    spool.write_json(run_dir / "spec.json", {"sources": dict(plan.spec.sources), "root": str(plan.spec.path)})
    spool.write_json(run_dir / "declared.json", record.to_json(declared(plan)))


def run_record(request: Request, plan: Plan, blind: str) -> dict[str, object]:
    """What is run, how, and where."""
    uname = os.uname()
    return {
        "spec": str(request.spec.resolve()),
        "seed": plan.seed,
        "seed_origin": plan.seed_origin,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "options": {
            "select": list(request.select),
            "runs": request.runs,
            "timeout_ms": request.timeout_ms,
            "strict": request.strict,
            "control": request.control,
            "shard": str(request.shard) if request.shard is not None else None,
            "pcap": list(request.pcap),
        },
        "environment": {
            "faultbox": __version__,
            "python": ".".join(map(str, sys.version_info[:3])),
            "kernel": uname.release,
            "machine": uname.machine,
            "cpus": os.cpu_count(),
            **({"no_bpf": blind} if blind else {}),
            "clock": {"monotonic_ns": time.monotonic_ns(), "utc_ns": time.time_ns()},
        },
    }


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # taking down what was imported keeps the front waiting for 30 ms
