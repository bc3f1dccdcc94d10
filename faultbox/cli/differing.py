"""What `faultbox diff` does, and the last part of `faultbox verify`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Collection, Iterator
from typing import Any

from faultbox.cli.console.look import Look, look_of, visible
from faultbox.cli.console.summary import number
from faultbox.cli.opened import opened
from faultbox.cli.out import Out
from faultbox.evidence.bundle import Bundle
from faultbox.evidence.difference import Difference, Divergence, diff
from faultbox.model.exit import Exit
from faultbox.model.record import to_json

_SHOWN = 20
"""How many differences of a kind are printed."""


def carry_out(options: argparse.Namespace) -> Exit:
    with opened(options.a) as a, opened(options.b) as b:
        return show(a, b, options)


def show(a: Bundle, b: Bundle, options: argparse.Namespace) -> Exit:
    """Compare and print."""
    found = diff(a, b, options.only, any_order=options.any_order)
    if options.format == "json":
        Out().lines([json.dumps(document(found, a, b), indent=2)])
    else:
        Out().lines(lines(found, a, b, options.only, look_of(sys.stdout, os.environ)))
    return Exit.PASSED if found.same else Exit.FAILED


def document(found: Difference, a: Bundle, b: Bundle) -> dict[str, Any]:
    return {
        "same": found.same,
        "a": str(a.path),
        "b": str(b.path),
        "verdicts": found.runs.verdicts,
        "decisions": found.runs.decided,
        "traces": [to_json(each) for each in found.traces],
        "drift": found.runs.drift,
        "alike": {"cases": found.runs.cases, "decisions": found.runs.decisions, "strands": found.strands},
    }


def lines(found: Difference, a: Bundle, b: Bundle, subjects: Collection[str], look: Look) -> list[str]:
    """All that differs, by kind; then what was compared."""
    about = _counted(found, subjects)
    shown: list[str] = []
    for title, texts in (("Verdicts", found.runs.verdicts), ("Decisions", found.runs.decided)):
        shown += [look.bad(f"{title} differ:"), *_some(texts)] if texts else []
    if found.traces:
        shown.append(look.bad("Traces differ:"))
        shown += [line for each in found.traces[:_SHOWN] for line in _divergence(each, look)]
        shown += _left(len(found.traces))
    if found.runs.drift:
        shown += ["Services made other numbers of calls:", *_some(found.runs.drift)]
    if found.same:
        return [*shown, look.good(f"The same: {about}")]
    names = [visible(f"A is {a.path}, B is {b.path}")]
    return [*names, *shown, f"The same in both: {about}"]


def _counted(found: Difference, subjects: Collection[str]) -> str:
    """`28 cases, 41 decisions and 165 strands of traces`, as far as they were compared."""
    parts = [number(found.runs.cases, "case")]
    parts += [number(found.runs.decisions, "decision")] if "decisions" in subjects else []
    parts += [f"{number(found.strands, 'strand')} of traces"] if "traces" in subjects else []
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last


def _divergence(found: Divergence, look: Look) -> Iterator[str]:
    service, group = found.strand
    title = f"{found.case}: {group} of {service} from line {found.line}"
    if found.only_a or found.only_b:
        title += f" ({found.only_a} lines only in A, {found.only_b} only in B)"
    else:
        title += " (the same lines in another order)"
    yield f"  {visible(title)}"
    yield from (look.dim(f"      {_cut(line)}") for line in found.before)
    yield from (look.bad(f"    - {_cut(line)}") for line in found.a)
    yield from (look.good(f"    + {_cut(line)}") for line in found.b)


def _cut(line: str) -> str:
    return visible(line if len(line) <= 200 else f"{line[:197]}...")


def _some(texts: list[str]) -> list[str]:
    return [*(f"  {visible(each)}" for each in texts[:_SHOWN]), *_left(len(texts))]


def _left(count: int) -> list[str]:
    return [f"  and {count - _SHOWN} more (--json has them all)"] if count > _SHOWN else []
