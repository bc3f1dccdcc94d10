"""How verdicts and figures are written here: a word or a letter beside every colour."""

from __future__ import annotations

from rich.text import Text

from faultbox.model.verdict import CaseResult, Verdict
from faultbox.progress import Cell

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_WORDS = {
    Verdict.PASSED: ("PASS", "green"),
    Verdict.FAILED: ("FAIL", "bold red"),
    Verdict.ERRORED: ("ERROR", "bold red"),
    Verdict.INCONCLUSIVE: ("INCONCLUSIVE", "yellow"),
    Verdict.HALTED: ("HALTED", "yellow"),
}
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}
WAITING, EXCLUDED, NOT_RUN = Text("·", "dim"), Text("—", "dim"), Text("not run", "dim")


def plain(text: str) -> str:
    """What a service or a stranger's bundle says, with nothing in it that a terminal would obey."""
    return text.translate(_CONTROL)


def duration(milliseconds: float) -> str:
    """`12ms`, `1.5s`, `2m05`: never more than five characters below an hour."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f}ms"
    seconds = milliseconds / 1000
    return f"{seconds:.1f}s" if seconds < 60 else f"{int(seconds // 60)}m{int(seconds % 60):02}"


def size(count: int) -> str:
    """Bytes: `812B`, `3.4M`."""
    amount = float(count)
    for unit in "BKMG":
        if amount < 1024 or unit == "G":
            break
        amount /= 1024
    return f"{amount:.0f}{unit}" if unit == "B" or amount >= 10 else f"{amount:.1f}{unit}"


def verdict(result: CaseResult) -> Text:
    """The verdict's word in its colour; a pass whose faults never fired has its own mark."""
    word, style = _WORDS[result.verdict]
    if result.verdict is Verdict.PASSED and result.exercised is False:
        return Text(f"○ {word}", "yellow")
    return Text(word, style)


def cell(of: Cell, now: float, frame: int, *, over: bool = False) -> Text:
    """A place of the matrix: waiting, running for so long, or the verdict with its time and how often faults fired.

    `over`: no run goes, so what has no result now will get none.
    """
    if of.result is not None:
        text = verdict(of.result)
        if of.result.verdict is not Verdict.INCONCLUSIVE:  # most of these were not even run, and the word is long
            text.append(f" {duration(of.result.duration_ms)}", "dim")
    elif of.running and not over:
        text = Text(f"{SPINNER[frame % len(SPINNER)]} {duration((now - of.since) * 1000)}", "cyan")
    else:
        return NOT_RUN if over else WAITING
    if of.fired:
        text.append(f" ×{of.fired}", "dim")
    return _old(text) if of.stale else text


def _old(text: Text) -> Text:
    """First, for a cell may be too narrow for all of it."""
    text.stylize("dim")
    return Text.assemble(("old ", "dim"), text)
