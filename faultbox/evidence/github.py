"""A run as GitHub Actions shows it: annotations on lines of the spec, and a summary of the step.

Annotations are workflow commands (docs.github.com, "Workflow commands for GitHub Actions"); a step shows ten of a
kind and drops the rest, so only so many are written. A summary is Markdown, at most 1 MiB a step.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from faultbox.model.frozen import frozen
from faultbox.model.plan import CaseInfo
from faultbox.model.source import Problem
from faultbox.model.verdict import CaseResult, RunResult, Verdict

_MOST = 10
_SUMMARY_BYTES = 1000 << 10
_MARKS = {
    Verdict.PASSED: "✅",
    Verdict.FAILED: "❌",
    Verdict.ERRORED: "💥",
    Verdict.INCONCLUSIVE: "❔",
    Verdict.HALTED: "⏹️",
}
_STEERING = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""What a terminal obeys and a log should not, but for the two that workflow commands have a way to write."""
_WORST_FIRST = (Verdict.FAILED, Verdict.ERRORED, Verdict.INCONCLUSIVE, Verdict.HALTED, Verdict.PASSED)


@frozen
class Annotation:
    """A remark on a line. `kind` is error, warning or notice; `position` is `file:line:column`."""

    kind: str
    position: str
    title: str
    message: str


def of_run(result: RunResult) -> list[Annotation]:
    """Red cases where they failed, dead assumptions where they are declared, and what else the run says."""
    found = [_of_case(each) for each in result.results if each.verdict is not Verdict.PASSED]
    if result.strict:
        found += [_of_unmet(each) for each in result.results if each.verdict is Verdict.PASSED and not _met(each)]
    for dead in result.dead:
        text = "it fired in no case that uses it, so nothing was tested under it"
        found.append(Annotation("error", dead.position, f"dead assumption {dead.name}", text))
    found += [Annotation("error", "", "faultbox", text) for text in result.errors]
    return found + [
        Annotation("error" if result.strict else "warning", "", "faultbox", text) for text in result.warnings
    ]


def of_problems(problems: Iterable[Problem], kind: str = "error") -> list[Annotation]:
    return [Annotation(kind, str(each.position), each.code, str(each).partition("] ")[2]) for each in problems]


def _of_case(result: CaseResult) -> Annotation:
    """Where the spec failed: its innermost line, else where the case is declared."""
    at = result.traceback[-1].position if result.traceback else str(result.info.position)
    kind = "error" if result.verdict in {Verdict.FAILED, Verdict.ERRORED} else "warning"
    return Annotation(kind, at, f"{result.info.id} {result.verdict}", result.reason)


def _met(result: CaseResult) -> bool:
    return result.exercised is not False


def _of_unmet(result: CaseResult) -> Annotation:
    return Annotation("error", str(result.info.position), f"{result.info.id} not exercised", "none of its faults fired")


def commands(annotations: Sequence[Annotation], workspace: str) -> list[str]:
    """The lines that GitHub turns into annotations, the first ten of each kind."""
    lines = []
    for kind in ("error", "warning", "notice"):
        of_kind = [each for each in annotations if each.kind == kind]
        lines += [_command(each, workspace) for each in of_kind[:_MOST]]
    return lines


def _command(annotation: Annotation, workspace: str) -> str:
    properties = {"title": annotation.title}
    file, _, rest = annotation.position.partition(":")
    line, _, column = rest.partition(":")
    if line.isdecimal():
        properties = {"file": _in_workspace(file, workspace), "line": line, "col": column or "1"} | properties
    named = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{annotation.kind} {named}::{_data(annotation.message or annotation.title)}"


def _in_workspace(file: str, workspace: str) -> str:
    """As GitHub names a file: from the root of the checkout."""
    path = os.path.realpath(file)
    root = os.path.realpath(workspace) if workspace else ""
    return os.path.relpath(path, root) if root and path.startswith(f"{root}/") else file


def _data(text: str) -> str:
    return _shown(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _shown(text: str) -> str:
    """With nothing in it that whoever shows it would obey."""
    return _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def summary(spec: str, result: RunResult, planned: Sequence[CaseInfo], replays: Sequence[str]) -> str:
    """The step's summary: counts, the matrix, every case that is not green with its reason; commands that replay."""
    counts = [f"{result.count(each)} {each}" for each in Verdict if result.count(each) or each is Verdict.PASSED]
    if result.not_exercised:
        counts.append(f"{result.not_exercised} not exercised")
    if missing := len(planned) - len(result.results):
        counts.append(f"{missing} not run")
    red = [each for each in result.results if each.verdict is not Verdict.PASSED]
    blocks = [
        f"## {_text(spec)}: {', '.join(counts)}",
        f"Seed {result.seed}",
        *_tables(result.results),
        _list("Not green", (f"{_MARKS[each.verdict]} **{_text(each.info.id)}** {_text(each.reason)}" for each in red)),
        _list("Dead assumptions", (f"**{_text(each.name)}** ({_text(each.position)})" for each in result.dead)),
        _list("Errors and warnings", map(_text, (*result.errors, *result.warnings))),
        _preformatted("Replay", replays),
    ]
    return _document(blocks)


def refusal(spec: str, reasons: Iterable[str]) -> str:
    """The step's summary where no case was run."""
    return _document([f"## {_text(spec)}: nothing was started", _preformatted("Why", list(reasons))])


def append(path: Path, text: str) -> None:
    """Add to a step's summary file (GITHUB_STEP_SUMMARY). Raises OSError."""
    with path.open("a", encoding="utf-8") as stream:
        stream.write(text)


def _list(title: str, items: Iterable[str]) -> str:
    lines = [f"- {item}" for item in items]
    return "\n".join([f"### {title}", "", *lines]) if lines else ""


def _preformatted(title: str, lines: Sequence[str]) -> str:
    return (
        "\n".join([f"### {title}", "", "<pre>", *(html.escape(_shown(line)) for line in lines), "</pre>"])
        if lines
        else ""
    )


def _document(blocks: Iterable[str]) -> str:
    """The blocks with a blank line between, as much as GitHub takes."""
    raw = "\n\n".join(filter(None, [*blocks, ""])).encode("utf-8", errors="replace")
    if len(raw) <= _SUMMARY_BYTES:
        return f"{raw.decode()}\n"
    kept = raw[:_SUMMARY_BYTES].decode(errors="ignore").rpartition("\n")[0]
    return f"{kept}\n\n(cut: the whole is in the bundle)\n"


def _tables(results: Sequence[CaseResult]) -> Iterator[str]:
    """Every matrix: scenarios down, faults across."""
    for number in dict.fromkeys(each.info.matrix for each in results if each.info.matrix >= 0):
        cells: dict[tuple[str, str], list[CaseResult]] = {}
        for each in results:
            if each.info.matrix == number:
                cells.setdefault((each.info.row, each.info.column), []).append(each)
        columns = list(dict.fromkeys(column for _, column in cells))
        lines = [f"| scenario | {' | '.join(map(_text, columns))} |", f"| --- |{' --- |' * len(columns)}"]
        for row in dict.fromkeys(row for row, _ in cells):
            shown = (_cell(cells.get((row, column), ())) for column in columns)
            lines.append(f"| {_text(row)} | {' | '.join(shown)} |")
        yield "\n".join(lines)


def _cell(results: Sequence[CaseResult]) -> str:
    if not results:
        return "—"
    worst = min((each.verdict for each in results), key=_WORST_FIRST.index)
    if worst is Verdict.PASSED and not all(map(_met, results)):
        return "○ passed"
    return f"{_MARKS[worst]} {worst}"


def _text(text: str) -> str:
    """Text as Markdown shows it letter by letter, in one line."""
    escaped = html.escape(" ".join(_shown(text).split()), quote=False)
    return "".join(f"\\{each}" if each in "\\`*_[]|#~" else each for each in escaped)
