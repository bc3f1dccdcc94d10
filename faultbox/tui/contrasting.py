"""How a cell differs from its control, found out when somebody asks."""

from __future__ import annotations

from contextlib import ExitStack, closing

from rich.text import Text
from textual.widgets import Static

from faultbox.evidence import BadBundle
from faultbox.model.verdict import CaseResult
from faultbox.progress import Cell
from faultbox.tui import words
from faultbox.tui.contrast import Line, Told, contrast
from faultbox.tui.desk import Desk
from faultbox.tui.files import Place
from faultbox.tui.trace import Trace

_LOOKS = {"title": ("\n", "bold"), "control": ("  ", "green"), "case": ("  ", "red"), "same": ("  ", "dim"),
          "note": ("  ", "dim")}  # fmt: skip


class Contrasting(Static):
    """Lines that only the control has (-), that only this case has (+), and totals that differ."""

    def __init__(self) -> None:
        super().__init__()
        self._about: tuple[object, object] | None = None

    def forget(self) -> None:
        """The case has begun anew."""
        self._about = None
        self.update("")

    def show(self, desk: Desk, cell: Cell) -> None:
        """Compare, unless that has been done for what is known of the two."""
        control = desk.control_of(cell)
        if control is None:
            self.update(Text("\nthis case has no control: it is one, or stands alone", "dim"))
        elif control.result is None or cell.result is None:
            self.update(Text(f"\n{'the control' if control.result is None else 'the case'} is not over yet", "dim"))
        elif (found := (control.result, cell.result)) != self._about:
            self._about = found
            self.update(Text(f"\ncomparing with {words.plain(control.info.id)} …", "dim"))
            places = desk.place_of(control), desk.place_of(cell)
            self.run_worker(lambda: self._find(found, places), thread=True, exclusive=True)

    def _find(self, results: tuple[CaseResult, CaseResult], places: tuple[Place | None, Place | None]) -> None:
        """In a thread."""
        try:
            with ExitStack() as held:
                traces = [_trace(held, each) for each in places]
                lines = contrast(*(Told(result, trace) for result, trace in zip(results, traces, strict=True)))
        except (OSError, BadBundle) as error:
            lines = [("note", f"can't be compared: {error}")]
        self.app.call_from_thread(self.update, _drawn(results[0], lines))


def _trace(held: ExitStack, place: Place | None) -> Trace | None:
    files = place.open() if place is not None else None
    trace = held.enter_context(files).trace() if files is not None else None
    return held.enter_context(closing(trace)) if trace is not None else None


def _drawn(control: CaseResult, lines: list[Line]) -> Text:
    text = Text.assemble((f"- only in {words.plain(control.info.id)}, + only in this case\n", "dim"))
    for kind, line in lines:
        before, style = _LOOKS[kind]
        text.append(f"{before}{words.plain(line)}\n", style)
    return text
