"""The page: template, style, script and data in one file."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, TextIO

from faultbox.evidence.bundle import Bundle
from faultbox.evidence.errors import BadBundle
from faultbox.evidence.reporting import overview as run
from faultbox.evidence.reporting.blocks import Unshowable, as_json, element, packed
from faultbox.evidence.reporting.case import CaseBlocks
from faultbox.evidence.reporting.coverage import coverage
from faultbox.evidence.reporting.gathered import Gathered
from faultbox.evidence.reporting.modules import joined
from faultbox.evidence.whole import whole
from faultbox.model.frozen import frozen
from faultbox.model.verdict import CaseResult, Verdict

MOST_EVENTS = 2_000_000
"""Events in a page: about 20 MB of it, and as much as a browser holds without effort."""
_AT_LEAST = 2_000
"""Events that every case may have, however many others have taken."""
_WORST_FIRST = (Verdict.FAILED, Verdict.ERRORED, Verdict.INCONCLUSIVE, Verdict.HALTED, Verdict.PASSED)


@frozen
class Report:
    """A page that was written. `left_out`: what the bundle has and the page has not, a sentence each."""

    path: Path
    left_out: tuple[str, ...]


def write(bundle: Bundle, path: Path, most_events: int) -> Report:
    """See `report`."""
    before, after = _frame(bundle)
    with whole(path) as raw, io.TextIOWrapper(raw, encoding="utf-8", errors="replace", newline="\n") as stream:
        stream.write(before)
        left_out = _write_data(bundle, stream, most_events)
        stream.write(after)
    return Report(path, left_out)


def _frame(bundle: Bundle) -> tuple[str, str]:
    """What stands before the data and after it."""
    style, script = _text("style.css"), joined("main", lambda name: _text(f"{name}.mjs"))
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    filled = {
        "POLICY": policy,
        "TITLE": html.escape(f"Faultbox: {Path(bundle.spec).name}, {bundle.path.name}"),
        "STYLE": style,
        "SCRIPT": script,
    }
    before, _, after = _text("page.html").partition("@DATA@\n")
    return _filled(before, filled), _filled(after, filled)


def _filled(template: str, content: Mapping[str, str]) -> str:
    """In one pass: what is put in is not looked at again."""
    return re.sub(r"@([A-Z]+)@", lambda found: content[found[1]], template)


def _write_data(bundle: Bundle, stream: TextIO, most_events: int) -> tuple[str, ...]:
    declared = run.declared_of(bundle)
    services = [each.name for each in declared.services] if declared is not None else []
    results: dict[int, CaseResult] = {}
    shown = Gathered(declared)
    left_out: list[str] = []
    for number, directory in _by_worth(bundle):
        most = max(_AT_LEAST, most_events)
        blocks = CaseBlocks(bundle, directory, number, services=services, most=most)
        stream.writelines(blocks.elements())
        most_events -= blocks.trace.kept
        results[number] = blocks.result
        shown.add(blocks.result, blocks.trace)
        left_out += [f"{blocks.result.info.id}: {each}" for each in blocks.left_out()]
    covered = coverage(declared, shown.all()) if declared is not None else None
    shape = run.overview(bundle, results, declared, covered, left_out)
    try:
        stream.write(element("run", packed(as_json(shape))))
    except Unshowable as error:
        raise BadBundle(f"{bundle.path}: {error}") from None
    stream.writelines(_static(shape))
    return tuple(left_out)


def _by_worth(bundle: Bundle) -> Iterator[tuple[int, str]]:
    """Numbers in the plan and directories of the cases that have a result, red ones first."""
    numbers: dict[tuple[str, int], int] = {(each.id, each.run): number for number, each in enumerate(bundle.cases)}
    found = []
    for directory in bundle.directories():
        result = bundle.result(directory)
        number = numbers.get((result.info.id, result.info.run))
        if number is None:
            raise BadBundle(f"{bundle.path}: cases/{directory}: {result.info.id!r} is not in the plan")
        found.append((_WORST_FIRST.index(result.verdict), number, directory))
    yield from ((number, directory) for _, number, directory in sorted(found))


def _static(shape: Mapping[str, Any]) -> Iterable[str]:
    """A table for readers that run no scripts."""
    yield "<noscript><p>This page needs JavaScript to show timelines. What came out:</p><table>\n"
    for row in run.static(shape["cases"]):
        yield f"<tr>{''.join(f'<td>{html.escape(each)}</td>' for each in row)}</tr>\n"
    yield "</table></noscript>\n"


def _hash(content: str) -> str:
    """As a content security policy names an inline script or style (CSP Level 3, 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _text(name: str) -> str:
    return resources.files("faultbox.evidence.reporting").joinpath("web", name).read_text(encoding="utf-8")
