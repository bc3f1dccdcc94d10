"""What there is to know of one cell at a glance: its outcome, or how it is while it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.text import Text

from faultbox.model.verdict import CaseResult, Frame, RuleReport, Verdict
from faultbox.progress import Cell
from faultbox.trace.deciding import render
from faultbox.tui import words
from faultbox.tui.live import Glance
from faultbox.tui.vitals import Health

_TAIL = 8
"""Lines of a log's end."""


def about(cell: Cell | None, glance: Glance | None, *, over: bool) -> Text:
    """A cell: its name, where it is declared, and what is known of it. `glance` is of one that runs."""
    if cell is None:
        return Text("no case here", "dim")
    text = Text.assemble((words.plain(cell.info.id), "bold"))
    if cell.info.run > 1:
        text.append(f"  run {cell.info.run}", "dim")
    text.append(f"\n{words.plain(str(cell.info.position))}\n", "dim")
    if cell.result is not None:
        if cell.stale:
            text.append("\nof the spec as it was before it was edited\n", "yellow")
        text.append_text(outcome(cell.result))
    elif cell.running and not over:
        text.append_text(running(cell, glance or Glance()))
    else:
        text.append("\nnot run" if over else "\nwaits", "dim")
    return text


def outcome(result: CaseResult) -> Text:
    """A finished case: verdict, reason with the spec's lines, what decided, rules, the ends of logs, remarks."""
    text = Text("\n")
    text.append_text(words.verdict(result))
    text.append(f"  {words.duration(result.duration_ms)}  {result.events} events\n", "dim")
    if result.reason:
        text.append(f"\n{words.plain(result.reason)}\n", "bold")
    for frame in result.traceback:
        text.append_text(_frame(frame))
    _section(text, "what decided", map(render, result.deciding))
    if result.causes is not None:
        from faultbox.trace.tree import render as render_tree

        _section(text, "what the step caused", render_tree(result.causes))
    _section(text, "rules", (line for rule in result.rules for line in _rule(rule)))
    if result.verdict is not Verdict.PASSED:
        for service, lines in result.logs.items():
            _section(text, f"log of {service}, its end", list(lines)[-_TAIL:])
    _section(text, "printed", result.prints)
    _section(text, "notes", result.notes)
    return text


def running(cell: Cell, glance: Glance) -> Text:
    """A case that runs: its services, what its rules have counted so far, what was said last."""
    text = Text()
    if glance.healths:
        text.append("\nservices\n", "bold")
        for each in glance.healths:
            _service(text, each, (glance.ports or {}).get(each.service, ""))
        if all(each.ended for each in glance.healths):
            text.append("  its world is being taken down; or it is to run again, alone\n", "dim")
    _section(text, "rules", (line for rule in glance.rules for line in _rule(rule)))
    _section(text, "printed", cell.prints[-_TAIL:])
    for name, lines in (glance.tails or {}).items():
        _section(text, name, lines)
    return text or Text("\nits world is being made", "dim")


def _service(text: Text, each: Health, ports: str) -> None:
    state, style = ("ended", "red") if each.ended else ("up   ", "green") if each.processes else ("to come", "dim")
    text.append(f"  {state:<8}", style)
    text.append(f"{words.plain(each.service):<13}")
    if each.processes:
        text.append(f" cpu {each.busy * 100:3.0f}%  mem {words.size(each.bytes):>5}  {each.processes} proc")
    text.append(f"  {words.plain(ports)}\n", "dim")


def _rule(rule: RuleReport) -> Iterator[str]:
    yield rule.text
    yield f"  {rule.counted}"
    if not rule.counts.fired:
        yield from (f"  closest: {each}" for each in rule.misses)
    yield from (f"  note: {each}" for each in rule.notes)


def _frame(frame: Frame) -> Text:
    text = Text.assemble((f"  at {words.plain(frame.position)}", "dim"))
    text.append(f" in {words.plain(frame.function)}\n" if frame.function else "\n", "dim")
    line = frame.text.rstrip().expandtabs(1)
    if line.strip():
        indent = len(line) - len(line.lstrip())
        shown = Text(f"    {words.plain(line[indent:])}\n")
        shown.stylize("underline red", 4 + max(frame.start - 1 - indent, 0), 4 + max(frame.end - 1 - indent, 0))
        text.append_text(shown)
    return text


def _section(text: Text, title: str, lines: Iterable[str] | Sequence[str]) -> None:
    """A heading with indented lines; nothing where there are none."""
    lines = list(lines)
    if lines:
        text.append(f"\n{words.plain(title)}\n", "bold")
        text.append("".join(f"  {words.plain(line)}\n" for line in lines))
