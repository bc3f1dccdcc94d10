"""What `faultbox judge` does."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from faultbox import spec as specs
from faultbox.cli import arguments, views
from faultbox.cli.opened import opened
from faultbox.cli.session import Outcome, View
from faultbox.evidence import replay
from faultbox.evidence.bundle import Bundle
from faultbox.evidence.judging import judge
from faultbox.model.exit import Exit
from faultbox.model.source import SpecErrors
from faultbox.model.spec import Spec
from faultbox.model.update import CaseDone, RunStarted, SpecRefused


def carry_out(options: argparse.Namespace) -> Exit:
    path = arguments.spec_path(options.spec)
    with opened(options.bundle) as bundle:
        view = views.make(options.format, options.show, ("faultbox", "replay", str(bundle.path)))
        try:
            spec = specs.load(path, seed=bundle.seed, runnable=False)
        except SpecErrors as error:
            outcome = Outcome(refusal=SpecRefused(error.problems))
        else:
            outcome = _judge(bundle, spec, view)
    view.finish(outcome)
    return outcome.exit


def _judge(bundle: Bundle, spec: Spec, view: View) -> Outcome:
    old, why = _own_spec(bundle)
    result = judge(bundle, spec, old, why)
    started = RunStarted(
        seed=result.seed,
        seed_origin="bundle",
        spec=str(spec.path),
        services=tuple(spec.services),
        cases=tuple(each.info for each in result.results),
        excluded=(),
        notes=(f"Judged by {spec.path}, from the record in {bundle.path}: nothing was run",),
        warnings=spec.warnings,
    )
    with view:
        view.show(started)
        for each in result.results:
            view.show(CaseDone(each))
    return Outcome(started, result)


def _own_spec(bundle: Bundle) -> tuple[Spec | None, str]:
    """The spec that is in the bundle; where it can't be loaded here, why."""
    with tempfile.TemporaryDirectory(prefix="faultbox-judge-") as scratch:
        ground = replay.ground(bundle, Path(scratch))
        try:
            return specs.load(ground.spec, seed=bundle.seed, root=ground.root, runnable=False), ""
        except SpecErrors as error:
            return None, str(error).splitlines()[0]
