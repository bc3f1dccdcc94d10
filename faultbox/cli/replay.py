"""Run a bundle's spec again with its seed, and say whether the same came out."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from faultbox.cli import arguments
from faultbox.cli.arguments import UsageError
from faultbox.cli.out import say

if TYPE_CHECKING:
    from faultbox.cli.session import View
    from faultbox.evidence.bundle import Bundle
    from faultbox.evidence.replay import Comparison, Ground
    from faultbox.model.verdict import RunResult
    from faultbox.run.request import Request

_DIFFERENCES = 20
"""How many differences are printed."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", help="a .fb file")
    parser.add_argument(
        "--test", action="append", default=[], metavar="NAME", help="only these cases (default: all of the bundle)"
    )
    parser.add_argument(
        "--root",
        type=arguments.directory,
        metavar="DIR",
        help="where the spec's own files are now, as in another checkout",
    )
    parser.add_argument("--seed", type=arguments.seed, metavar="N", help="another seed than the bundle's")
    parser.add_argument("-j", "--jobs", type=arguments.count, metavar="N", help="worlds at once (default: by the host)")
    parser.add_argument("--keep", action="store_true", help="leave the disks and logs of cases that are not green")
    parser.add_argument("--show", choices=("all", "fail", "none"), default="all", help="the cases to print")
    arguments.add_format(parser)


def run(options: argparse.Namespace) -> int:
    from faultbox import evidence

    try:
        with evidence.open(Path(options.bundle)) as bundle:
            return _replay(bundle, options)
    except FileNotFoundError:
        raise UsageError(f"{options.bundle}: no such file") from None
    except IsADirectoryError:
        raise UsageError(f"{options.bundle} is a directory", "name a .fb file") from None
    except evidence.BadBundle as error:
        raise UsageError(str(error)) from None


def _replay(bundle: Bundle, options: argparse.Namespace) -> int:
    from faultbox.cli import session
    from faultbox.evidence import place, replay
    from faultbox.evidence.spool import Spool

    run_dir = place.new_run(place.state_dir(os.environ))
    try:
        ground = replay.ground(bundle, run_dir / "bundled", options.root)
        recorded = replay.recorded(bundle)
        request = _request(bundle, ground, options, run_dir)
    except BaseException:
        place.remove(run_dir)
        raise

    def compare(replayed: Path, result: RunResult) -> Sequence[str]:
        if request.seed != bundle.seed:
            return [f"Replayed with seed {request.seed}; the bundle's is {bundle.seed}, so nothing was compared", ""]
        return comparison_lines(replay.compare(recorded, Spool(replayed), result.results))

    def make_view() -> View:
        from faultbox.cli import views

        return views.make(options.format, options.show, ("faultbox", "replay", options.bundle))

    if options.format == "text":
        from faultbox.cli.console.look import visible

        say(visible(ground.note))
    return session.carry_out(request, make_view, bundle_to=None, afterwards=compare)


def _request(bundle: Bundle, ground: Ground, options: argparse.Namespace, run_dir: Path) -> Request:
    """The run that the bundle is of, as far as the command line doesn't say otherwise."""
    from faultbox.run.request import Request

    asked = bundle.asked()
    return Request(
        spec=ground.spec,
        root=ground.root,
        run_dir=run_dir,
        seed=bundle.seed if options.seed is None else options.seed,
        seed_origin="bundle" if options.seed in {None, bundle.seed} else "cli",
        select=tuple(options.test) or asked.select,
        runs=asked.runs,
        jobs=options.jobs,
        timeout_ms=asked.timeout_ms,
        keep=options.keep,
        strict=asked.strict,
        control=asked.control,
        shard=None if options.test else asked.shard,
    )


def comparison_lines(found: Comparison) -> list[str]:
    """`Same as recorded: 3 cases, 12 decisions`, or every difference; and where services called more or less often."""
    from faultbox.cli.console.summary import number

    about = f"{number(found.cases, 'case')}, {number(found.decisions, 'decision')}"
    lines = [f"Same as recorded: {about}"]
    if found.differences:
        lines = [f"Not the same as recorded (the same: {about}):", *_some(found.differences)]
    if found.drift:
        lines += ["Services made other numbers of calls than recorded:", *_some(found.drift)]
    return [*lines, ""]


def _some(texts: list[str]) -> list[str]:
    from faultbox.cli.console.look import visible

    left = len(texts) - _DIFFERENCES
    return [*(f"  {visible(each)}" for each in texts[:_DIFFERENCES]), *([f"  and {left} more"] if left > 0 else [])]
