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
    Verdict.INCONCLUSIVE: ("UNSURE", "yellow"),
    Verdict.HALTED: ("HALTED", "yellow"),
}
WAITING, EXCLUDED = Text("·", "dim"), Text("—", "dim")


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


def cell(of: Cell, now: float, frame: int) -> Text:
    """A place of the matrix: waiting, running for so long, or the verdict with its time and how often faults fired."""
    if of.result is not None:
        text = verdict(of.result)
        text.append(f" {duration(of.result.duration_ms)}", "dim")
        if of.fired:
            text.append(f" ×{of.fired}", "dim")
        return text
    if of.running:
        return Text(f"{SPINNER[frame % len(SPINNER)]} {duration((now - of.since) * 1000)}", "cyan")
    return WAITING
