"""Make one bundle of the shards of a run, with the verdict of the whole."""

from __future__ import annotations

import argparse
import os

from faultbox.cli import arguments, ci


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", nargs="+", help="the .fb files of all shards")
    parser.add_argument("-o", "--output", metavar="PATH", help="the bundle's file or directory (default: here)")
    parser.add_argument("--no-bundle", action="store_true", help="only say what came out")
    parser.add_argument("--show", choices=("all", "fail", "none"), default="fail", help="the cases to print")
    ci.add_flags(parser)
    arguments.add_format(parser)
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> int:
    """The exit code is that of the whole run."""
    from faultbox.cli import merging

    return merging.carry_out(options, os.environ)
