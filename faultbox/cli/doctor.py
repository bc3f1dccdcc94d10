"""Say what this host can do, and what to do about the rest."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from faultbox.cli.arguments import add_format
from faultbox.cli.out import say
from faultbox.model.exit import Exit

if TYPE_CHECKING:
    from faultbox.cli import probes


def configure(parser: argparse.ArgumentParser) -> None:
    add_format(parser)


def run(options: argparse.Namespace) -> int:
    """Exit code 0 where `faultbox test` can run, 3 where it can't."""
    from faultbox.cli import probes
    from faultbox.evidence import place

    checks = [
        probes.kernel(),
        probes.syscall_faults(),
        probes.namespaces(),
        probes.disks(place.state_dir(os.environ)),
        probes.cgroups(),
        probes.memory(),
        probes.filters(),
        probes.language(),
        probes.network_faults(),
        probes.observation(),
        probes.own_probes(),
        probes.machine(),
    ]
    ready = all(check.state != "bad" for check in checks)
    say(*(json_lines(checks, ready=ready) if options.format == "json" else text_lines(checks, ready=ready)))
    return Exit.PASSED if ready else Exit.ERRORED


def text_lines(checks: list[probes.Check], *, ready: bool) -> list[str]:
    """A line a check, and below those that aren't good what to do."""
    from faultbox.cli.console.look import look_of

    look = look_of(sys.stdout, os.environ)
    marks = {"good": look.good(look.spell("✓")), "bad": look.bad(look.spell("✗")), "missing": look.spell("·")}
    lines = []
    for check in checks:
        lines.append(f"{marks[check.state]} {check.name:<15} {check.detail}")
        if check.advice:
            lines.append(f"  {'':<15} {look.bold(check.advice)}")
    verdict = look.good("faultbox test can run here") if ready else look.bad("faultbox test can't run here")
    return [*lines, "", verdict]


def json_lines(checks: list[probes.Check], *, ready: bool) -> list[str]:
    import dataclasses
    import json

    return [json.dumps({"ready": ready, "checks": [dataclasses.asdict(each) for each in checks]}, indent=2)]
