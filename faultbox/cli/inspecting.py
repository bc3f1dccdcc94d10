"""What `faultbox inspect` does."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from faultbox.cli.arguments import UsageError, nearest
from faultbox.cli.console import bundle as console
from faultbox.cli.console.look import look_of, visible
from faultbox.cli.console.summary import number
from faultbox.cli.opened import chosen, opened
from faultbox.cli.out import Out, say
from faultbox.evidence.bundle import Bundle
from faultbox.evidence.trace import trace
from faultbox.model.event import Event
from faultbox.model.exit import Exit
from faultbox.model.record import to_json
from faultbox.model.verdict import CaseResult
from faultbox.trace.deciding import render


def carry_out(options: argparse.Namespace) -> Exit:
    with opened(options.bundle) as bundle:
        if options.list:
            _list(bundle, options)
        elif options.sql is not None:
            _sql(bundle, options)
        elif options.extract is not None:
            _extract(bundle, options)
        elif options.where is not None:
            _where(bundle, chosen(bundle, options.case), options)
        elif options.otlp is not None:
            _otlp(bundle, chosen(bundle, options.case), Path(options.otlp))
        elif options.format == "json":
            _show_json(bundle, options)
        else:
            _show(bundle, options)
    return Exit.PASSED


def _show(bundle: Bundle, options: argparse.Namespace) -> None:
    look = look_of(sys.stdout, os.environ)
    out = Out()
    if not options.case:
        out.lines(console.overview(bundle, look))
    for result in chosen(bundle, options.case) if options.case else ():
        out.lines(console.case(bundle, result, look))


def _show_json(bundle: Bundle, options: argparse.Namespace) -> None:
    if options.case:
        say(*(json.dumps(to_json(each)) for each in chosen(bundle, options.case)))
    else:
        outcome = {name: value for name, value in to_json(bundle.outcome()).items() if name != "results"}
        say(json.dumps({"manifest": bundle.manifest, "outcome": outcome}, indent=2))


def _list(bundle: Bundle, options: argparse.Namespace) -> None:
    if options.format == "json":
        Out().lines(
            json.dumps({"name": each.filename, "size": each.file_size, "packed": each.compress_size})
            for each in bundle.entries
        )
    else:
        Out().lines(console.listing(bundle))


def _extract(bundle: Bundle, options: argparse.Namespace) -> None:
    from faultbox.evidence.extract import NoRoom, extract

    names = [each.filename for each in bundle.entries]
    if options.case:
        inside = tuple(f"cases/{each.directory}/" for each in chosen(bundle, options.case))
        names = [name for name in names if name.startswith(inside)]
    try:
        count = extract(bundle, names, Path(options.extract))
    except NoRoom as error:
        raise UsageError(f"--extract: {error}", "name a new directory") from None
    say(f"Extracted: {number(count, 'file')} to {options.extract}")


def _where(bundle: Bundle, results: Sequence[CaseResult], options: argparse.Namespace) -> None:
    """Print each event that matches; where none does, say whether there is anything of that name at all."""
    from faultbox.evidence.query import BadFilter, parse

    try:
        wanted = parse(options.where)
    except BadFilter as error:
        raise UsageError(f"--where {error}", error.advice) from None
    lines = _json_line if options.format == "json" else _text_line
    out, found = Out(), False
    for result in results:
        first = next(trace(bundle, result.directory), None)
        for event in filter(wanted, trace(bundle, result.directory, wanted.may_match)):
            found = True
            start = first.time_ns if first is not None else event.time_ns
            out.lines([lines(result, event, start, several=len(results) > 1)])
            if out.gone:
                return
    if not found:
        _nothing_found(list(wanted.fields), _known_fields(bundle, results))


def _known_fields(bundle: Bundle, results: Sequence[CaseResult]) -> set[str]:
    """The names of the fields that events have."""
    return {name for result in results for event in trace(bundle, result.directory) for name in event.fields}


def _json_line(result: CaseResult, event: Event, _start: int, *, several: bool) -> str:
    shape = {"case": result.info.id, "run": result.info.run} if several else {}
    return json.dumps(shape | event.as_json())


def _text_line(result: CaseResult, event: Event, start: int, *, several: bool) -> str:
    text = render({**event.as_json(), "ms": (event.time_ns - start) / 1e6})
    return visible(f"{result.info.id} {text}" if several else text)


def _nothing_found(wanted: list[str], known: set[str]) -> None:
    from faultbox.evidence.query import COMMON

    sys.stderr.write("faultbox: no event matches\n")
    for name in wanted:
        if name not in known and name not in COMMON:
            near = nearest(name, {*known, *COMMON})
            hint = f"; did you mean {near}?" if near else ""
            sys.stderr.write(f"  none of these events has a field {name!r}{hint}\n")


def _sql(bundle: Bundle, options: argparse.Namespace) -> None:
    from faultbox.evidence import sql

    if options.case:
        raise UsageError("--sql asks the whole bundle", "name the case in the query: where id = '...'")
    try:
        answer = sql.ask(bundle, options.sql)
    except sql.NoDuckDB:
        raise UsageError("--sql needs DuckDB, which is not installed", "pip install 'faultbox[sql]'") from None
    except sql.BadQuery as error:
        raise UsageError("--sql: DuckDB can't answer this", str(error)) from None
    if options.format == "json":
        Out().lines(json.dumps(dict(zip(answer.columns, row, strict=True)), default=str) for row in answer.rows)
    elif answer.columns:
        Out().lines(console.table(answer.columns, answer.rows))


def _otlp(bundle: Bundle, results: Sequence[CaseResult], target: Path) -> None:
    from faultbox.evidence.otlp import traces
    from faultbox.evidence.whole import whole

    shapes: list[Any] = [shape for each in results for shape in traces(bundle, each.directory)["resourceSpans"]]
    with whole(target) as stream:
        stream.write(json.dumps({"resourceSpans": shapes}).encode("ascii") + b"\n")
    spans = sum(len(scope["spans"]) for shape in shapes for scope in shape["scopeSpans"])
    say(f"Written: {number(spans, 'span')} of {number(len(results), 'case')} to {target}")
