"""What a run leaves for CI beside its output: JUnit XML, annotations, the summary of a step."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from faultbox.cli.arguments import UsageError
from faultbox.cli.out import say

if TYPE_CHECKING:
    from faultbox.cli.session import Outcome, View
    from faultbox.model.update import Update


class Wanted(NamedTuple):
    """`junit`: the file to write. `github`: whether annotations and a summary are to be written, for `environ`.

    `structured`: stdout is one JSON document, so what GitHub is told goes to stderr.
    """

    spec: Path
    junit: Path | None
    github: bool
    structured: bool
    environ: Mapping[str, str]


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--junit", metavar="FILE", help="write the results as JUnit XML")
    parser.add_argument(
        "--annotations",
        choices=("github", "none"),
        help="mark lines of the spec in GitHub, and write the step's summary (default: as GITHUB_ACTIONS says)",
    )


def wanted(options: argparse.Namespace, spec: Path, environ: Mapping[str, str]) -> Wanted:
    """What the command line and the environment ask for. Raises UsageError where it can't be written."""
    junit = Path(options.junit) if options.junit is not None else None
    if junit is not None and (junit.is_dir() or not os.access(junit.parent, os.W_OK | os.X_OK)):
        raise UsageError(f"--junit {junit}: can't be written", "name a file in a directory that is there")
    default = "github" if environ.get("GITHUB_ACTIONS") == "true" else "none"
    github = (options.annotations or default) == "github"
    return Wanted(spec, junit, github, options.format == "json", environ)


def around(view: View, wanted: Wanted) -> View:
    """The view, which then writes what is wanted as well."""
    return _Reporting(view, wanted) if wanted.junit is not None or wanted.github else view


class _Reporting:
    """Shows a run as another view does; when it is over, writes the files. Raises OSError where it can't.

    What services print is in the log too, and must be no command: GitHub obeys none until it reads the token again.
    """

    def __init__(self, view: View, wanted: Wanted) -> None:
        self._view, self._wanted = view, wanted
        self._token = os.urandom(16).hex()

    def __enter__(self) -> Self:
        if self._wanted.github:
            self._tell([f"::stop-commands::{self._token}"])
        self._view.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._view.__exit__(kind, error, at)

    def show(self, update: Update) -> None:
        self._view.show(update)

    def finish(self, outcome: Outcome) -> None:
        self._view.finish(outcome)
        if self._wanted.junit is not None:
            write_junit(self._wanted.junit, outcome, self._wanted.spec)
        if self._wanted.github:
            self._tell([f"::{self._token}::", *annotated(outcome, self._wanted)])
            summarise(outcome, self._wanted)

    def _tell(self, lines: list[str]) -> None:
        """On the stream that people read, so that commands and what is none keep their order."""
        if self._wanted.structured:
            sys.stderr.write("".join(f"{line}\n" for line in lines))
        else:
            say(*lines)


def write_junit(path: Path, outcome: Outcome, spec: Path) -> None:
    """Whole or not at all."""
    from dataclasses import replace

    from faultbox.cli.console.case import reproduce
    from faultbox.cli.views import test_command
    from faultbox.evidence import junit
    from faultbox.evidence.whole import whole
    from faultbox.model.update import SpecRefused

    if outcome.result is None or outcome.started is None:
        problems = outcome.refusal.problems if isinstance(outcome.refusal, SpecRefused) else ()
        content = junit.refused(str(spec), problems, _reason(outcome))
    else:
        seed, again = outcome.result.seed, test_command(spec)
        content = junit.document(
            str(spec),
            replace(outcome.result, errors=(*outcome.result.errors, *outcome.troubles)),
            outcome.started.cases,
            lambda each: reproduce(each, seed, again),
            notes=outcome.started.notes,
        )
    with whole(path) as stream:
        stream.write(content)


def annotated(outcome: Outcome, wanted: Wanted) -> list[str]:
    """The commands that mark what is not green, and the spec's problems, on the spec's lines."""
    from faultbox.evidence import github
    from faultbox.model.update import SpecRefused

    found = github.of_problems(outcome.started.warnings, "warning") if outcome.started is not None else []
    if outcome.result is not None:
        found += github.of_run(outcome.result)
    elif isinstance(outcome.refusal, SpecRefused):
        found += github.of_problems(outcome.refusal.problems)
    else:
        found.append(github.Annotation("error", "", "faultbox", _reason(outcome)))
    found += [github.Annotation("error", "", "faultbox", trouble) for trouble in outcome.troubles]
    return github.commands(found, wanted.environ.get("GITHUB_WORKSPACE", ""))


def summarise(outcome: Outcome, wanted: Wanted) -> None:
    """Add to the step's summary, where there is one. Raises OSError."""
    from faultbox.evidence import github
    from faultbox.model.update import SpecRefused

    target = wanted.environ.get("GITHUB_STEP_SUMMARY")
    if not target:
        return
    spec = str(wanted.spec)
    if outcome.result is not None and outcome.started is not None:
        text = github.summary(spec, outcome.result, outcome.started.cases, _replays(outcome))
    elif isinstance(outcome.refusal, SpecRefused):
        text = github.refusal(spec, map(str, outcome.refusal.problems))
    else:
        text = github.refusal(spec, [_reason(outcome)])
    github.append(Path(target), text)


def _reason(outcome: Outcome) -> str:
    from faultbox.model.update import Refused

    if isinstance(outcome.refusal, Refused):
        return ": ".join(filter(None, (outcome.refusal.reason, outcome.refusal.advice)))
    return ""


def _replays(outcome: Outcome) -> list[str]:
    """The commands that run the red cases again, as long as they are few."""
    from faultbox.cli.console.summary import replay_command
    from faultbox.model.verdict import Verdict

    if outcome.bundle is None or outcome.result is None:
        return []
    red = [each for each in outcome.result.results if each.verdict is not Verdict.PASSED]
    return [replay_command(outcome.bundle, each, outcome.result.seed) for each in red[:20]]
