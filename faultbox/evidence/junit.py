"""A run as JUnit XML, as CI systems read it: a suite a spec, a test a case.

The dialect is the one that they have in common (the `testsuites` schema of the Ant task, with `file` and `line`
as GitLab and others take them). What is not green is a failure or an error there, since those are all that a CI
system counts: failed cases are failures; errored, inconclusive and halted ones are errors with the verdict as type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from xml.etree import ElementTree as Xml

from faultbox.model.plan import CaseInfo
from faultbox.model.source import Problem
from faultbox.model.verdict import CaseResult, RunResult, Verdict

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to write, not even escaped (section 2.2)."""


def document(
    spec: str,
    result: RunResult,
    planned: Sequence[CaseInfo],
    replay: Callable[[CaseResult], str],
    *,
    notes: Sequence[str] = (),
) -> bytes:
    """A run that was carried out. `replay` gives the command that runs a case again, `notes` hold for the whole run."""
    suite = _suite(spec, result.duration_ms)
    _property(suite, "seed", str(result.seed))
    for note in notes:
        _property(suite, "note", note)
    for each in result.results:
        _case(suite, spec, each, replay(each), strict=result.strict)
    done = {(each.info.id, each.info.run) for each in result.results}
    for info in (info for info in planned if (info.id, info.run) not in done):
        Xml.SubElement(_test(suite, spec, _name(info), info), "skipped", message="not run")
    for dead in result.dead:
        text = f"{dead.name} fired in no case that uses it, so nothing was tested under it"
        _fault(_test(suite, spec, f"assumption {dead.name}"), "failure", "DEAD_ASSUMPTION", text, dead.position)
    for warning in result.warnings if result.strict else ():
        _fault(_test(suite, spec, "the run"), "failure", "WARNING", f"{warning} (--strict)", "")
    stopped = ["it was stopped before it was over"] if result.interrupted else []
    for error in (*result.errors, *stopped):
        _fault(_test(suite, spec, "the run"), "error", "RUN", error, "")
    return _bytes(suite)


def refused(spec: str, problems: Iterable[Problem], reason: str) -> bytes:
    """A run that was not begun: the spec is wrong, or this host can't do it."""
    suite = _suite(spec, 0)
    for problem in problems:
        _fault(_test(suite, spec, str(problem.position)), "error", problem.code, problem.message, str(problem))
    if reason:
        _fault(_test(suite, spec, "the run"), "error", "REFUSED", reason, "")
    return _bytes(suite)


def _suite(spec: str, duration_ms: float) -> Xml.Element:
    suite = Xml.Element("testsuite", name=_clean(spec), time=f"{duration_ms / 1000:.3f}")
    Xml.SubElement(suite, "properties")
    return suite


def _property(suite: Xml.Element, name: str, value: str) -> None:
    Xml.SubElement(suite[0], "property", name=name, value=_clean(value))


def _name(info: CaseInfo) -> str:
    return info.id if info.run == 1 else f"{info.id} (run {info.run})"


def _test(
    suite: Xml.Element, spec: str, name: str, info: CaseInfo | None = None, duration_ms: float = 0
) -> Xml.Element:
    test = Xml.SubElement(
        suite, "testcase", classname=_clean(spec), name=_clean(name), time=f"{duration_ms / 1000:.3f}"
    )
    if info is not None:
        test.set("file", _clean(info.position.file))
        test.set("line", str(info.position.line))
    return test


def _case(suite: Xml.Element, spec: str, result: CaseResult, replay: str, *, strict: bool) -> None:
    test = _test(suite, spec, _name(result.info), result.info, result.duration_ms)
    if result.verdict is Verdict.FAILED:
        _fault(test, "failure", result.code or "FAILED", result.reason, _explained(result, replay))
    elif result.verdict is not Verdict.PASSED:
        _fault(test, "error", result.verdict.value.upper(), result.reason, _explained(result, replay))
    elif strict and result.exercised is False:
        _fault(test, "failure", "NOT_EXERCISED", "no fault of this case fired (--strict)", _explained(result, replay))
    quiet = result.verdict is Verdict.PASSED and result.exercised is False
    printed = "\n".join([*(["not exercised: no fault of this case fired"] if quiet else []), *result.prints])
    if printed:
        Xml.SubElement(test, "system-out").text = _clean(printed)
    logs = "\n".join(f"[{service}] {line}" for service, lines in result.logs.items() for line in lines)
    if logs:
        Xml.SubElement(test, "system-err").text = _clean(logs)


def _explained(result: CaseResult, replay: str) -> str:
    """Where it failed, what the rules met, and how to run it again."""
    lines = [f"at {frame.position} in {frame.function}: {frame.text.strip()}" for frame in result.traceback]
    for rule in result.rules:
        counts = rule.counts
        lines.append(f"{rule.text} seen {counts.seen}, matched {counts.matched}, fired {counts.fired}")
    return "\n".join([*lines, *(f"note: {note}" for note in result.notes), f"replay: {replay}"])


def _fault(test: Xml.Element, kind: str, code: str, message: str, text: str) -> None:
    Xml.SubElement(test, kind, type=_clean(code), message=_clean(message)).text = _clean(text)


def _bytes(suite: Xml.Element) -> bytes:
    """The suite with its counts, and the root around it."""
    tests = suite.findall("testcase")
    counted = {
        "tests": len(tests),
        "failures": sum(each.find("failure") is not None for each in tests),
        "errors": sum(each.find("error") is not None for each in tests),
        "skipped": sum(each.find("skipped") is not None for each in tests),
    }
    root = Xml.Element("testsuites", name="faultbox")
    for element in (root, suite):
        for name, count in counted.items():
            element.set(name, str(count))
    root.append(suite)
    Xml.indent(root)
    content: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


def _clean(text: str) -> str:
    return _NOT_XML.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
