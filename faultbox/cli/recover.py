"""Make bundles of runs that were killed before they could make their own."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from faultbox.cli.arguments import UsageError
from faultbox.cli.out import Out
from faultbox.cli.test import bundle_place
from faultbox.model.exit import Exit


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="*", help="only these runs, as --list names them (default: all)")
    parser.add_argument("--list", action="store_true", help="name what could be recovered, change nothing")
    parser.add_argument("--output", metavar="DIR", help="where the bundles go (default: here)")


def run(options: argparse.Namespace) -> int:
    from faultbox.evidence import place

    dead = {each.name: each for each in place.dead_runs(place.state_dir(os.environ))}
    if missing := [name for name in options.name if name not in dead]:
        raise UsageError(f"no dead run is named {missing[0]}", "`faultbox recover --list` names them")
    chosen = [dead[name] for name in options.name] or list(dead.values())
    out = Out()
    if not chosen:
        out.lines(["Nothing to recover"])
        return Exit.PASSED
    if options.list:
        out.lines(_described(each) for each in chosen)
        return Exit.PASSED
    target = bundle_place(options.output)
    if not target.is_dir():
        raise UsageError(f"--output {options.output} is no directory")
    for run_dir in chosen:
        out.lines([_recover(run_dir, target)])
    return Exit.PASSED


def _described(run_dir: Path) -> str:
    from faultbox.evidence import Unreadable
    from faultbox.evidence.spool import Spool
    from faultbox.model.verdict import Verdict

    try:
        spool = Spool(run_dir)
        outcome = spool.outcome()
    except Unreadable:
        return f"{run_dir.name}  ended before its plan was made"
    killed = outcome.count(Verdict.ERRORED)
    done = f"{len(outcome.results) - killed} of {len(spool.planned)} cases with a verdict"
    return f"{run_dir.name}  {spool.run.get('started', '')}  {spool.run.get('spec', '')}  seed {outcome.seed}  {done}"


def _recover(run_dir: Path, target: Path) -> str:
    """Pack one spool and remove it; what a spool without a plan has is worth nothing."""
    from faultbox.evidence import Unreadable, pack, place

    try:
        bundle = pack(run_dir, target)
    except Unreadable:
        place.remove(run_dir)
        return f"Removed: {run_dir.name} ended before its plan was made"
    place.remove(run_dir)
    return f"Bundle: {bundle.name if target == Path.cwd() else bundle}"
