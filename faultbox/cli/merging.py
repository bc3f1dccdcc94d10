"""What `faultbox merge` does."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Mapping
from pathlib import Path

from faultbox.cli import ci, views
from faultbox.cli.arguments import UsageError
from faultbox.cli.opened import opened
from faultbox.cli.session import Outcome
from faultbox.cli.test import bundle_place
from faultbox.evidence.merging import Merged, NotOneRun, merge
from faultbox.model.exit import Exit
from faultbox.model.update import CaseDone, RunStarted


def carry_out(options: argparse.Namespace, environ: Mapping[str, str]) -> Exit:
    if options.no_bundle and options.output:
        raise UsageError("--output and --no-bundle exclude each other")
    target = None if options.no_bundle else bundle_place(options.output)
    with contextlib.ExitStack() as stack:
        bundles = [stack.enter_context(opened(name)) for name in options.bundle]
        try:
            merged = merge(bundles)
        except NotOneRun as error:
            raise UsageError(str(error), error.advice) from None
        written = merged.write(target) if target is not None else None
        return _show(merged, written, options, environ)


def _show(merged: Merged, written: Path | None, options: argparse.Namespace, environ: Mapping[str, str]) -> Exit:
    first = merged.parts[0].bundle
    spec = Path(first.original)
    parts = ", ".join(str(each.shard) for each in merged.parts)
    started = RunStarted(
        seed=merged.outcome.seed,
        seed_origin="bundle",
        spec=str(spec),
        services=(),
        cases=merged.cases,
        excluded=(),
        notes=(f"Merged: shards {parts}",),
        warnings=(),
    )
    outcome = Outcome(started, merged.outcome, bundle=written)
    view = ci.around(
        views.make(options.format, options.show, views.test_command(spec)), ci.wanted(options, spec, environ)
    )
    with view:
        view.show(started)
        for result in merged.outcome.results:
            view.show(CaseDone(result))
    view.finish(outcome)
    return outcome.exit
