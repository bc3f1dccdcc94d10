"""Look into a bundle: what came out, its files, its events, by filter or in SQL."""

from __future__ import annotations

import argparse

from faultbox.cli import arguments

REST = "case"
"""Words behind a flag's value are cases too: `inspect X.fb --extract DIR CASE`."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", help="a .fb file")
    parser.add_argument("case", nargs="*", help="only these cases: a name as of --test, or a directory of the bundle")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="every entry of the file with its size")
    what.add_argument("--extract", metavar="DIR", help="lay out the entries below a new or empty directory")
    what.add_argument("--where", metavar="FILTER", help="print events, as in 'type=syscall decision=deny*'")
    what.add_argument("--sql", metavar="QUERY", help="ask the tables cases, rules and events (needs faultbox[sql])")
    what.add_argument("--otlp", metavar="FILE", help="write the trace for OpenTelemetry, as OTLP JSON")
    arguments.add_format(parser)
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> int:
    from faultbox.cli import inspecting

    return inspecting.carry_out(options)
