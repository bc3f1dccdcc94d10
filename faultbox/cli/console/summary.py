"""What stands before the first case and after the last one."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from faultbox.cli.console.case import rule_lines, source_lines
from faultbox.cli.console.look import Look, visible
from faultbox.cli.console.matrix import tables
from faultbox.model.source import Problem
from faultbox.model.update import Refused, RunStarted, SpecRefused
from faultbox.model.verdict import CaseResult, RunResult, Verdict


def header(started: RunStarted, look: Look) -> list[str]:
    """`Seed: 1 (cli)`, what the run wants to have said, and the spec's warnings."""
    lines = [f"Seed: {started.seed} ({started.seed_origin})"]
    lines += [visible(note) for note in started.notes]
    for warning in started.warnings:
        lines += problem_lines(warning, look, word="warning")
    return [*lines, ""]


def dry_run(started: RunStarted) -> list[str]:
    """What a run would do, without doing it."""
    cells = sum(1 for case in started.cases if case.kind == "cell")
    lines = [f"Dry run: loaded {visible(started.spec)}", f"Services: {len(started.services)}"]
    lines += [f"  - {visible(name)}" for name in started.services]
    lines.append(f"Cases: {len(started.cases)}")
    for case in started.cases:
        fault = f"  ({case.scenario} under {case.fault})" if case.fault else ""
        run = f"  run {case.run}" if case.run > 1 else ""
        lines.append(visible(f"  - {case.id}{fault}{run}"))
    return [*lines, f"Matrix cells: {cells}"]


def checked(started: RunStarted, look: Look) -> list[str]:
    """The spec's warnings, then `ok  faultbox.star: 4 services, 12 cases (6 of them matrix cells)`."""
    lines = [line for warning in started.warnings for line in problem_lines(warning, look, word="warning")]
    cells = sum(1 for case in started.cases if case.kind == "cell")
    line = f"{look.good('ok')}  {visible(started.spec)}: {number(len(started.services), 'service')}, "
    line += number(len(started.cases), "case")
    return [*lines, line + (f" ({cells} of them matrix cells)" if cells else "")]


def number(count: int, noun: str) -> str:
    """`1 case`, `2 cases`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def footer(
    started: RunStarted, result: RunResult, look: Look, *, bundle: Path | None, notes: Sequence[str] = ()
) -> list[str]:
    """Tables, what is dead, warnings and errors, the bundle, the counts, and how to replay."""
    lines = tables(started.cases, result.results, started.excluded, look)
    lines += _dead(result, look)
    lines += _remarks(result, look)
    lines.append("")
    if bundle is not None:
        lines += [f"Bundle: {visible(bundle_name(bundle))}", ""]
    lines += [*notes, counts_line(result, len(started.cases), look)]
    if bundle is not None and (first := first_to_replay(result)) is not None:
        lines += ["", f"Replay: {replay_command(bundle, first, result.seed)}"]
    return lines


def bundle_name(bundle: Path) -> str:
    """Without its directory where that is the current one."""
    return bundle.name if bundle.parent == Path.cwd() else str(bundle)


def replay_command(bundle: Path, result: CaseResult, seed: int) -> str:
    command = ["faultbox", "replay", bundle_name(bundle), "--test", result.info.id, "--seed", str(seed)]
    return visible(shlex.join(command))


def first_to_replay(result: RunResult) -> CaseResult | None:
    """The first failed case, else the first of the others that aren't green."""
    for verdict in (Verdict.FAILED, Verdict.ERRORED, Verdict.INCONCLUSIVE, Verdict.HALTED):
        for each in result.results:
            if each.verdict is verdict:
                return each
    return None


def counts_line(result: RunResult, planned: int, look: Look) -> str:
    """`22 passed, 2 failed`, and what else there was."""
    passed, failed = result.count(Verdict.PASSED), result.count(Verdict.FAILED)
    parts = [look.good(f"{passed} passed") if passed else f"{passed} passed"]
    parts.append(look.bad(f"{failed} failed") if failed else f"{failed} failed")
    rest = [
        (result.count(Verdict.ERRORED), "errored"),
        (result.count(Verdict.INCONCLUSIVE), "inconclusive"),
        (result.count(Verdict.HALTED), "halted"),
        (result.not_exercised, "not exercised"),
        (max(0, planned - len(result.results)), "not run"),
    ]
    parts += [look.doubtful(f"{number} {word}") for number, word in rest if number]
    return ", ".join(parts)


def spec_refused(refusal: SpecRefused, look: Look) -> list[str]:
    """Every problem with its line of source, and how many there are."""
    lines = [line for problem in refusal.problems for line in problem_lines(problem, look)]
    return [*lines, "", look.bad(f"{number(len(refusal.problems), 'problem')}: nothing was started")]


def refused(refusal: Refused, look: Look) -> list[str]:
    lines = [f"{look.bad('refused')}: {visible(refusal.reason)}"]
    return lines + [f"  {visible(line)}" for line in refusal.advice.splitlines()]


def problem_lines(problem: Problem, look: Look, word: str = "") -> Iterator[str]:
    """`file:line:col: [CODE] message`, the line with a caret, what is accepted and what was probably meant."""
    prefix = f"{word}: " if word else ""
    yield visible(f"{prefix}{problem.position}: [{problem.code}] ") + look.bold(visible(problem.message))
    at = problem.position
    yield from source_lines(source_line(at.file, at.line), at.column, at.column + 1, look)
    if problem.accepted:
        yield visible(f"    accepted: {problem.accepted}")
    if problem.nearest:
        yield visible(f"    did you mean {problem.nearest!r}?")


def source_line(file: str, number: int) -> str:
    """A line of a spec; empty where the file can't be read any more."""
    try:
        with Path(file).open(encoding="utf-8", errors="replace") as text:
            for at, line in enumerate(text, start=1):
                if at == number:
                    return line.rstrip("\n")[:_LONGEST]
    except (OSError, ValueError):
        return ""
    return ""


_LONGEST = 500
"""Characters of a source line that are shown at most."""


def _dead(result: RunResult, look: Look) -> list[str]:
    if not result.dead:
        return []
    lines = ["", look.bad("Dead assumptions: they fired in no case, so nothing was tested under them")]
    for dead in result.dead:
        lines.append(visible(f"  {dead.name} ({dead.position})"))
        lines += [f"    {line}" for rule in dead.rules for line in rule_lines(rule)]
    return lines


def _remarks(result: RunResult, look: Look) -> list[str]:
    remarks = [look.doubtful(visible(f"warning: {text}")) for text in result.warnings]
    remarks += [look.bad(visible(f"error: {text}")) for text in result.errors]
    return ["", *remarks] if remarks else []
