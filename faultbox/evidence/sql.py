"""A bundle as tables: `cases`, `rules` and `events`, asked in SQL through DuckDB.

DuckDB is an extra (`pip install 'faultbox[sql]'`). It runs in this process, on files in a temporary
directory that are gone afterwards, and once the tables are there it may neither read nor write any other file.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from faultbox.evidence.bundle import Bundle
from faultbox.model.frozen import frozen
from faultbox.model.verdict import CaseResult

_CASES = {
    "directory": "VARCHAR", "id": "VARCHAR", "run": "BIGINT", "kind": "VARCHAR", "scenario": "VARCHAR",
    "fault": "VARCHAR", "source": "VARCHAR", "verdict": "VARCHAR", "exercised": "BOOLEAN", "reason": "VARCHAR",
    "code": "VARCHAR", "duration_ms": "DOUBLE", "run_delay": "DOUBLE", "events": "BIGINT",
}  # fmt: skip
_RULES = {
    "directory": "VARCHAR", "id": "VARCHAR", "run": "BIGINT", "assumption": "VARCHAR", "rule": "VARCHAR",
    "service": "VARCHAR", "target": "VARCHAR", "keyword": "VARCHAR", "action": "VARCHAR", "label": "VARCHAR",
    "source": "VARCHAR", "seen": "BIGINT", "matched": "BIGINT", "fired": "BIGINT", "unresolved": "BIGINT",
}  # fmt: skip
_EVENTS = {
    "seq": "BIGINT", "time_ns": "BIGINT", "type": "VARCHAR", "service": "VARCHAR",
    "fields": "MAP(VARCHAR, VARCHAR)", "data": "JSON",
}  # fmt: skip
_EVENTS_NAMED = re.compile(r"\bevents\b", re.IGNORECASE)


class NoDuckDB(Exception):
    """DuckDB is not installed."""


class BadQuery(Exception):
    """DuckDB does not take the query; the message is its own."""


@frozen
class Table:
    """An answer: the names of its columns and its rows."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]


def ask(bundle: Bundle, query: str) -> Table:
    """Run one query. Raises NoDuckDB, BadQuery or BadBundle."""
    try:
        import duckdb
    except ImportError:
        raise NoDuckDB from None
    with tempfile.TemporaryDirectory(prefix="faultbox-sql-") as place, duckdb.connect() as connection:
        try:
            connection.execute(f"SET temp_directory = '{place}'")
            _make_tables(
                connection, bundle, Path(place), with_events=re.search(r"\bevents\b", query, re.IGNORECASE) is not None
            )
            connection.execute("SET enable_external_access = false; SET lock_configuration = true")
            connection.execute(query)
            columns = tuple(column[0] for column in connection.description or ())
            return Table(columns, connection.fetchall() if columns else [])
        except duckdb.Error as error:
            raise BadQuery(str(error)) from None


def _make_tables(connection: Any, bundle: Bundle, place: Path, *, with_events: bool) -> None:
    results = bundle.outcome().results
    _table(connection, "cases", _CASES, _written(place / "cases", map(_case, results)))
    rules = (rule for result in results for rule in _rules(result))
    _table(connection, "rules", _RULES, _written(place / "rules", rules))
    if with_events:
        _make_events(connection, bundle, place, results)


def _make_events(connection: Any, bundle: Bundle, place: Path, results: Sequence[CaseResult]) -> None:
    """All events of all cases, each with the case that it is of and its milliseconds since that case's first."""
    for number, result in enumerate(results):
        with (place / f"events-{number:06d}").open("wb") as target:
            _copy_lines(bundle, result.directory, target)
    order = ({"number": number, **_key(result)} for number, result in enumerate(results))
    keys = {"number": "BIGINT", "directory": "VARCHAR", "id": "VARCHAR", "run": "BIGINT"}
    _table(connection, "faultbox_keys", keys, _written(place / "keys", order))
    files = _read(str(place / "events-*"), _EVENTS, more=", filename = true")
    connection.execute(
        "CREATE TABLE events AS SELECT k.directory, k.id, k.run, e.seq, e.time_ns, "
        "(e.time_ns - min(e.time_ns) OVER (PARTITION BY k.number)) / 1e6 AS ms, e.type, e.service, e.fields, e.data "
        f"FROM {files} e JOIN faultbox_keys k ON k.number = right(e.filename, 6)::BIGINT ORDER BY k.number, e.seq"
    )
    connection.execute("DROP TABLE faultbox_keys")


def _copy_lines(bundle: Bundle, directory: str, target: IO[bytes]) -> None:
    for line in bundle.lines(directory):
        # What a service printed that was no UTF-8 is a lone surrogate, which DuckDB takes for broken JSON.
        target.write(json.dumps(_spelt(json.loads(line))).encode() + b"\n" if b"\\ud" in line else line)


def _spelt(value: Any) -> Any:
    """The same with U+FFFD for what is no character."""
    if isinstance(value, str):
        return value.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")
    if isinstance(value, dict):
        return {_spelt(key): _spelt(each) for key, each in value.items()}
    return [_spelt(each) for each in value] if isinstance(value, list) else value


def _table(connection: Any, name: str, columns: Mapping[str, str], path: Path) -> None:
    connection.execute(f"CREATE TABLE {name} AS SELECT * FROM {_read(str(path), columns)}")


def _read(path: str, columns: Mapping[str, str], more: str = "") -> str:
    kinds = ", ".join(f"{name}: '{kind}'" for name, kind in columns.items())
    quoted = path.replace("'", "''")
    return f"read_json('{quoted}', format = 'newline_delimited', columns = {{{kinds}}}{more})"


def _written(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8") as target:
        target.writelines(json.dumps(_spelt(dict(row))) + "\n" for row in rows)
    return path


def _key(result: CaseResult) -> dict[str, Any]:
    return {"directory": result.directory, "id": result.info.id, "run": result.info.run}


def _case(result: CaseResult) -> dict[str, Any]:
    info = result.info
    return {
        **_key(result),
        "kind": info.kind,
        "scenario": info.scenario,
        "fault": info.fault,
        "source": str(info.position),
        "verdict": result.verdict.value,
        "exercised": result.exercised,
        "reason": result.reason,
        "code": result.code,
        "duration_ms": result.duration_ms,
        "run_delay": result.run_delay,
        "events": result.events,
    }


def _rules(result: CaseResult) -> Iterable[dict[str, Any]]:
    for rule in result.rules:
        yield {
            **_key(result),
            "assumption": rule.assumption,
            "rule": rule.rule,
            "service": rule.service,
            "target": rule.target,
            "keyword": rule.keyword,
            "action": rule.action,
            "label": rule.label,
            "source": rule.position,
            **rule.counts._asdict(),
        }
