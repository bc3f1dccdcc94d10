"""Print the version of Faultbox, Python and the kernel."""

from __future__ import annotations

import argparse
import os
import sys

from faultbox import __version__
from faultbox.cli.arguments import add_format
from faultbox.cli.out import say
from faultbox.model.exit import Exit


def configure(parser: argparse.ArgumentParser) -> None:
    add_format(parser)


def text() -> str:
    return f"faultbox {__version__}"


def run(options: argparse.Namespace) -> int:
    kernel = os.uname()
    python = ".".join(map(str, sys.version_info[:3]))
    if options.format == "json":
        import json

        shape = {"faultbox": __version__, "python": python, "kernel": kernel.release, "machine": kernel.machine}
        say(json.dumps(shape, indent=2))
    else:
        say(text(), f"python {python}", f"linux {kernel.release} {kernel.machine}")
    return Exit.PASSED
