"""Judge an old run by a changed spec's monitors and expectations, without running anything."""

from __future__ import annotations

import argparse

from faultbox.cli import arguments


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", help="a .fb file")
    parser.add_argument("--spec", metavar="FILE", help="the spec to judge by (default: ./faultbox.star)")
    parser.add_argument("--show", choices=("all", "fail", "none"), default="all", help="the cases to print")
    arguments.add_format(parser)
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> int:
    """The exit code is that of a run with these verdicts."""
    from faultbox.cli import judging

    return judging.carry_out(options)
