"""What happened in a spec's own lines when something was raised."""

from __future__ import annotations

import re
from types import CodeType, TracebackType

from faultbox.model.source import Position
from faultbox.model.verdict import Frame
from faultbox.spec.expressions import unmangle
from faultbox.spec.functions import HIDDEN
from faultbox.spec.semantics.errors import EvalError
from faultbox.spec.source import Source


def frames(error: BaseException) -> tuple[Frame, ...]:
    """The lines of specs that an exception passed through, innermost last."""
    found: list[Frame] = []
    traceback = error.__traceback__
    while traceback is not None:
        source = traceback.tb_frame.f_globals.get(f"{HIDDEN}source")
        code = traceback.tb_frame.f_code
        if isinstance(source, Source) and code.co_filename == source.file:
            name = _function(code)
            if name.endswith("comp>") and found:
                name = found.pop().function
            found.append(_frame(source, name, _span(code, traceback)))
        traceback = traceback.tb_next
    return tuple(found)


def _function(code: CodeType) -> str:
    return {"<module>": "<toplevel>", "<lambda>": "lambda"}.get(code.co_name, unmangle(code.co_name))


def _span(code: CodeType, traceback: TracebackType) -> tuple[int, int | None, int, int | None]:
    """Line, last line, and the byte offsets of what was being done."""
    for index, (line, last, start, end) in enumerate(code.co_positions()):
        if index == traceback.tb_lasti // 2 and line is not None and start is not None:
            return line, last, start, end
    return traceback.tb_lineno, traceback.tb_lineno, 0, None


def _frame(source: Source, function: str, span: tuple[int, int | None, int, int | None]) -> Frame:
    line, last, start, end = span
    text = source.line(line)
    first = source.column(line, start)
    stop = source.column(line, end) if end is not None and last == line else len(text) + 1
    return Frame(str(Position(source.file, line, first)), function, text, first, max(stop, first + 1))


def innermost(error: BaseException) -> Position | None:
    """Where in a spec an exception was raised, or None."""
    found = frames(error)
    if not found:
        return None
    file, line, column = found[-1].position.rsplit(":", 2)
    return Position(file, int(line), int(column))


def explain(error: BaseException) -> str:
    """What an exception that came out of a spec means, in the language's words."""
    if isinstance(error, EvalError):
        return str(error)
    if isinstance(error, UnboundLocalError):
        return f"local variable {_quoted(error)} referenced before assignment"
    if isinstance(error, NameError):
        scope = "local" if "free variable" in str(error) else "global"
        return f"{scope} variable {_quoted(error)} referenced before assignment"
    if isinstance(error, RecursionError):
        return "values or calls are nested too deeply"
    if isinstance(error, MemoryError):
        return "out of memory"
    return str(error) or type(error).__name__


def _quoted(error: NameError) -> str:
    match = re.search(r"'([^']*)'", str(error))
    return unmangle(match.group(1)) if match else str(error.name)
