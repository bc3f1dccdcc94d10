"""Make one HTML file of a bundle, to be opened anywhere, offline."""

from __future__ import annotations

import argparse
from pathlib import Path

from faultbox.cli import arguments
from faultbox.cli.arguments import UsageError
from faultbox.cli.opened import opened
from faultbox.cli.out import say
from faultbox.model.exit import Exit

_LEFT_OUT = 10
"""How many of the things that are left out are printed; the page lists them all."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", help="a .fb file")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="where the page goes (default: here, named as the bundle with .html)"
    )
    parser.add_argument(
        "--events", type=arguments.count, metavar="N", help="keep at most about N events in the page (default: 2000000)"
    )


def run(options: argparse.Namespace) -> int:
    with opened(options.bundle) as bundle:
        from faultbox import evidence

        target = _target(bundle.path, options.output)
        made = evidence.report(bundle, target, most_events=options.events)
    left = made.left_out
    say(f"Report: {made.path}", *(f"Left out: {each}" for each in left[:_LEFT_OUT]))
    if len(left) > _LEFT_OUT:
        say(f"Left out: {len(left) - _LEFT_OUT} more things, which the page lists")
    return Exit.PASSED


def _target(source: Path, output: str | None) -> Path:
    """The file to write. The bundle itself is never it."""
    target = Path(output) if output is not None else Path(source.name).with_suffix(".html")
    if target.is_dir():
        target /= source.with_suffix(".html").name
    if not target.parent.is_dir():
        raise UsageError(f"{target.parent} is no directory", "make it first, or name a file elsewhere with --output")
    if target.exists() and target.samefile(source):
        raise UsageError(f"{target} is the bundle itself", "name another file with --output")
    return target
