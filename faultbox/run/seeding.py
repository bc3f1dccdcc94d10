"""Seeding: what `seed=` functions put on disk is made once and lies frozen under the world of every case."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from faultbox import world as worlds
from faultbox.link import Link
from faultbox.model.plan import Case, CaseInfo, Needs
from faultbox.model.protocols import PROTOCOLS
from faultbox.model.spec import Spec
from faultbox.model.topology import Service
from faultbox.model.unfit import Unfit
from faultbox.model.verdict import CaseResult, Verdict
from faultbox.run import room, spool, summary
from faultbox.run.forking import fork

if TYPE_CHECKING:
    from faultbox.run.ground import Ground

PATIENCE_MS = 30_000
"""A service whose disk is to be frozen gets this long to end by itself: a killed one leaves a journal to replay."""


def plant(ground: Ground) -> None:
    """Run every seed function in one world, stop its services gracefully, and freeze their disks. Raises Unfit."""
    seeded = [service for service in ground.plan.spec.services.values() if service.seed is not None]
    if not seeded or ground.request.dry_run:
        return
    case, needs = _seed_case(ground, seeded)
    place = spool.case_dir(ground.request.run_dir, 0, case.info)
    ours, theirs = Link.pair()
    pid = fork(lambda: _sow(case, needs, ground, place, theirs), [ours])
    theirs.close()
    result, frozen = _await_result(ours)
    os.waitpid(pid, 0)
    if result is None or result.verdict is not Verdict.PASSED or frozen is None:
        reason = result.reason if result is not None else "its world died"
        logs = [f"  {name}: {line}" for name, lines in (result.logs if result else {}).items() for line in lines]
        raise Unfit(f"seeding failed: {reason}", "\n".join(["mend the seed= function or its service", *logs]))
    ground.layout = dataclasses.replace(ground.layout, seed=worlds.mount_frozen(frozen))


def _seed_case(ground: Ground, seeded: Sequence[Service]) -> tuple[Case, Needs]:
    """A case that runs all seeds, with only the services that they need."""
    spec = ground.plan.spec
    names = {service.name for service in seeded}
    while more := {name for each in names for name in spec.services[each].depends_on} - names:
        names |= more

    def body() -> None:
        for service in seeded:
            assert service.seed is not None
            service.seed()

    info = CaseInfo("seed", "test", "seed", "", seeded[0].position, ground.plan.seed)
    return Case(info, body), _needs(spec, names)


def _needs(spec: Spec, names: Collection[str]) -> Needs:
    protocols = {each.protocol for name in names for each in spec.services[name].interfaces}
    imports = tuple(f"faultbox.protocols.{each}.client" for each in sorted(protocols) if PROTOCOLS[each].methods)
    return Needs(services=tuple(name for name in spec.services if name in names), imports=imports)


def _sow(case: Case, needs: Needs, ground: Ground, place: Path, runner: Link) -> None:
    """What the world's process does: its answer is the result, and the frozen disks where it passed."""
    try:
        answer = _sown(case, needs, ground, place, runner)
    except Exception as error:
        if not room.lacking(error) and not room.gone(ground.request.run_dir):
            raise
        answer = summary.no_room(case, ground.request.run_dir, ()), None
    runner.send("seeded", answer)


def _sown(
    case: Case, needs: Needs, ground: Ground, place: Path, runner: Link
) -> tuple[CaseResult, worlds.Frozen | None]:
    from faultbox.run.case import Life

    life = Life(case, needs, ground, place, runner)
    frozen = None
    try:
        if life.start():
            life.arm()
            life.scenario()
            life.sync()
            life.judge()
            life.disarm()
        life.stop(patience_ms=PATIENCE_MS)
        result = life.result()
        if result.verdict is Verdict.PASSED:
            frozen = life.freeze()
    finally:
        life.close()
    return result, frozen


def _await_result(link: Link) -> tuple[CaseResult | None, worlds.Frozen | None]:
    while (frame := link.receive()) is not None:
        if frame.kind == "seeded":
            answer: tuple[CaseResult, worlds.Frozen | None] = frame.body
            return answer
    return None, None
