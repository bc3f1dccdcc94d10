"""Compare two bundles: verdicts, decisions, and traces without what differs in every run."""

from __future__ import annotations

import argparse

from faultbox.cli import arguments

_SUBJECTS = ("verdicts", "decisions", "traces")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="A", help="a .fb file")
    parser.add_argument("b", metavar="B", help="another one")
    add_scope(parser)
    arguments.add_format(parser)
    arguments.add_json(parser)


def add_scope(parser: argparse.ArgumentParser) -> None:
    """The flags that say what is compared."""
    parser.add_argument(
        "--only", type=_subjects, default=_SUBJECTS, metavar="WHAT", help="of verdicts,decisions,traces, these only"
    )
    parser.add_argument("--any-order", action="store_true", help="lines of a trace in another order are no difference")


def _subjects(text: str) -> tuple[str, ...]:
    words = tuple(text.split(","))
    for word in words:
        if word not in _SUBJECTS:
            near = arguments.nearest(word, _SUBJECTS)
            hint = f"; did you mean {near}?" if near else ""
            raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(_SUBJECTS)}{hint}")
    return words


def run(options: argparse.Namespace) -> int:
    """Exit code 0 where nothing differs, 1 where something does."""
    from faultbox.cli import differing

    return differing.carry_out(options)
