"""One finished case as lines: its verdict, and for a red one all that explains it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from faultbox.cli.console.look import Look, cells, visible
from faultbox.cli.console.matrix import WORDS, duration
from faultbox.model.verdict import CaseResult, Frame, RuleReport, Verdict

_LOG_LINES = 10
"""How much of a log's end is shown; the bundle has all of it."""
_LINE_WIDTH = 500
"""Characters that are shown of a line that a service or a spec printed."""


def case_lines(result: CaseResult, seed: int, again: Sequence[str], look: Look) -> list[str]:
    """`--- PASS: id (12ms, seed=1) ---` and, where it says more than that, an indented explanation."""
    lines = [_headline(result, seed, look)]
    if result.verdict is Verdict.PASSED:
        lines += _block("printed:", _prints(result))
        if result.exercised is False and result.info.kind != "cell":
            lines += _block("rules:", (line for rule in result.rules for line in rule_lines(rule)))
        else:
            doubted = [rule for rule in result.rules if rule.counts.fired and rule.notes]
            lines += _block("rules:", (line for rule in doubted for line in rule_lines(rule)))
        lines += [look.doubtful(f"  note: {visible(note)}") for note in result.notes]
        return lines
    lines += _reason(result, look)
    lines += [line for frame in result.traceback for line in _frame(frame, look)]
    lines += _block("printed:", _prints(result))
    lines += _block("events that decided it:", _events(result))
    lines += _block("what the step caused:", _causes(result))
    lines += _block("rules:", (line for rule in result.rules for line in rule_lines(rule)))
    for service, tail in result.logs.items():
        lines += _block(f"log of {visible(service)}, its end:", map(_printed_line, list(tail)[-_LOG_LINES:]))
    lines += [look.doubtful(f"  note: {visible(note)}") for note in result.notes]
    lines.append(f"  replay: {reproduce(result, seed, again)}")
    return lines


def reproduce(result: CaseResult, seed: int, again: Sequence[str]) -> str:
    """The one command that runs this case again as it was: `again` (`faultbox test SPEC`) with all that it needs."""
    command = [*again, "--test", result.info.id, "--seed", str(seed)]
    if result.info.run > 1 and again[1] == "test":
        command += ["--runs", str(result.info.run)]
    return visible(shlex.join(command))


def rule_lines(rule: RuleReport) -> Iterator[str]:
    """What a rule met: `cache: connect=deny(ECONNREFUSED)  seen 4, matched 4, fired 4`, then what came closest."""
    yield visible(f"{rule.text}  {rule.counted}")
    if not rule.counts.fired:
        for miss in rule.misses:
            yield visible(f"  closest: {miss}")
    for note in rule.notes:
        yield visible(f"  note: {note}")


def _headline(result: CaseResult, seed: int, look: Look) -> str:
    word = WORDS[result.verdict]
    run = f", run {result.info.run}" if result.info.run > 1 else ""
    line = f"--- {word}: {visible(result.info.id)} ({duration(result.duration_ms)}, seed={seed}{run}) "
    if result.verdict is Verdict.PASSED and result.exercised is False:
        return look.doubtful(look.spell(f"{line}○ not exercised ---"))
    paint = {Verdict.PASSED: look.good, Verdict.FAILED: look.bad, Verdict.ERRORED: look.bad}
    return paint.get(result.verdict, look.doubtful)(f"{line}---")


def _prints(result: CaseResult) -> Iterator[str]:
    return (_printed_line(line) for text in result.prints for line in text.split("\n"))


def _printed_line(line: str) -> str:
    if len(line) <= _LINE_WIDTH:
        return visible(line)
    return f"{visible(line[:_LINE_WIDTH])} ... ({len(line)} characters)"


def _events(result: CaseResult) -> Iterator[str]:
    if result.deciding:
        from faultbox.trace.deciding import render

        yield from (visible(render(each)) for each in result.deciding)


def _causes(result: CaseResult) -> Iterator[str]:
    if result.causes is not None:
        from faultbox.trace.tree import render

        yield from map(visible, render(result.causes))


def _reason(result: CaseResult, look: Look) -> Iterator[str]:
    first, *more = result.reason.splitlines() or ["not said"]
    code = f"  [{result.code}]" if result.code and result.verdict is not Verdict.FAILED else ""
    yield f"  reason: {look.bold(visible(first))}{look.dim(visible(code))}"
    for line in more:
        yield f"          {visible(line)}"


def _frame(frame: Frame, look: Look) -> Iterator[str]:
    where = f"  at {visible(frame.position)}"
    yield where + (f" in {visible(frame.function)}" if frame.function else "")
    yield from source_lines(frame.text, frame.start, frame.end, look)


def source_lines(text: str, start: int, end: int, look: Look) -> Iterator[str]:
    """A line of a spec without its indent, and carets under columns start to end (from 1, end exclusive)."""
    if not text.strip():
        return
    line = text.rstrip()
    indent = len(line) - len(line.lstrip())
    start = min(max(start - 1, indent), len(line))
    end = min(max(end - 1, start + 1), max(len(line), start + 1))
    yield f"    {visible(line[indent:])}"
    before = cells(visible(line[indent:start]).expandtabs())
    under = max(1, cells(visible(line[start:end])))
    yield look.bad("    " + " " * before + "^" * under)


def _block(title: str, content: Iterator[str] | map[str] | Sequence[str]) -> list[str]:
    inner = [f"    {line}" for line in content]
    return [f"  {title}", *inner] if inner else []
