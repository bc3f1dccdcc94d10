"""What there is to know of one cell at a glance, beside the matrix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from faultbox.model.verdict import CaseResult, Frame, RuleReport, Verdict
from faultbox.progress import Cell
from faultbox.trace.deciding import render
from faultbox.tui import words
from faultbox.tui.vitals import Health

_TAIL = 8
"""Lines of a log's end."""


class Detail(VerticalScroll, can_focus=False):
    """Of the cell under the cursor: the reason and the rules where it is done, services and logs while it runs."""

    def compose(self) -> Iterator[Static]:
        yield Static(id="about")

    def show(self, cell: Cell | None, rules: Sequence[RuleReport] = (), healths: Sequence[Health] = (),
             ports: str = "", tail: Sequence[str] = ()) -> None:  # fmt: skip
        """Draw it anew. `rules`, `healths`, `ports` and `tail` are of a case that runs."""
        about = Text()
        if cell is None:
            about.append("no case here", "dim")
        else:
            about.append(cell.info.id, "bold")
            about.append(f"\n{cell.info.position}\n", "dim")
            if cell.result is not None:
                about.append_text(outcome(cell.result))
            elif cell.running:
                about.append_text(_running(rules, healths, ports, tail))
            else:
                about.append("\nwaits", "dim")
        self.query_one("#about", Static).update(about)


def outcome(result: CaseResult) -> Text:
    """A finished case: verdict, reason with the spec's lines, what decided, rules, the ends of logs, remarks."""
    text = Text("\n")
    text.append_text(words.verdict(result))
    text.append(f"  {words.duration(result.duration_ms)}  {result.events} events\n", "dim")
    if result.reason:
        text.append(f"\n{result.reason}\n", "bold")
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


def _running(rules: Sequence[RuleReport], healths: Sequence[Health], ports: str, tail: Sequence[str]) -> Text:
    text = Text("\n")
    if healths:
        text.append("services\n", "bold")
        for each in healths:
            alive = "up  " if each.processes else "down"
            text.append(f"  {alive}", "green" if each.processes else "dim")
            text.append(f" {each.service:<14} cpu {each.busy * 100:4.0f}%  mem {words.size(each.bytes):>6}"
                        f"  {each.processes} processes\n")  # fmt: skip
    _section(text, "ports", [ports] if ports else [])
    _section(text, "rules", (line for rule in rules for line in _rule(rule)))
    _section(text, "logs", tail)
    return text


def _rule(rule: RuleReport) -> Iterator[str]:
    counts = rule.counts
    yield f"{rule.target}: {rule.keyword}={rule.action}"
    yield f"  seen {counts.seen}, matched {counts.matched}, fired {counts.fired}"
    if not counts.fired:
        yield from (f"  closest: {each}" for each in rule.misses)
    yield from (f"  note: {each}" for each in rule.notes)


def _frame(frame: Frame) -> Text:
    text = Text(f"  at {frame.position}", "dim")
    text.append(f" in {frame.function}\n" if frame.function else "\n", "dim")
    line = frame.text.rstrip()
    if line.strip():
        indent = len(line) - len(line.lstrip())
        shown = Text(f"    {line[indent:]}\n")
        shown.stylize("underline red", 4 + max(frame.start - 1 - indent, 0), 4 + max(frame.end - 1 - indent, 0))
        text.append_text(shown)
    return text


def _section(text: Text, title: str, lines: Iterator[str] | Sequence[str]) -> None:
    """A heading with indented lines; nothing where there are none."""
    lines = list(lines)
    if lines:
        text.append(f"\n{title}\n", "bold")
        text.append("".join(f"  {line}\n" for line in lines))
