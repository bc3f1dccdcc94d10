"""Run a spec twice with one seed, and say whether the same came out."""

from __future__ import annotations

import argparse

from faultbox.cli import arguments
from faultbox.cli.diff import add_scope


def configure(parser: argparse.ArgumentParser) -> None:
    arguments.add_spec(parser)
    parser.add_argument(
        "--test", action="append", default=[], metavar="NAME", help="only these cases, as of `faultbox test`"
    )
    parser.add_argument("--seed", type=arguments.seed, metavar="N", help="the seed of both runs (default: drawn)")
    parser.add_argument("--runs", type=arguments.count, default=1, metavar="N", help="every case N times in each run")
    parser.add_argument("-j", "--jobs", type=arguments.count, metavar="N", help="worlds at once (default: by the host)")
    parser.add_argument(
        "--timeout", type=arguments.duration_ms, metavar="DURATION", help="the limit of a case (default: 120s)"
    )
    parser.add_argument("--output", metavar="DIR", help="keep both bundles there (default: here, if they differ)")
    add_scope(parser)
    arguments.add_format(parser)
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Exit code 0 where both were the same, 1 where not; that of a run that could not be carried out."""
    from faultbox.cli import verifying

    return verifying.carry_out(options)
