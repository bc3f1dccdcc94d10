"""Frames of both sides, to write scripts of."""

from __future__ import annotations

from collections.abc import Callable
from struct import pack
from types import SimpleNamespace
from typing import Any

import pytest

from faultbox.model.message import MessageRule
from faultbox.protocols.postgres.faults import dialogue
from faultbox.protocols.postgres.wire import frame
from faultbox.proxy.playbook import Play, a_rule


def _string(text: str) -> bytes:
    return text.encode() + b"\0"


def _startup(**parameters: str) -> bytes:
    body = pack("!I", 196608) + b"".join(_string(word) for pair in parameters.items() for word in pair) + b"\0"
    return pack("!I", len(body) + 4) + body


def _parse(text: str, name: str = "", types: tuple[int, ...] = ()) -> bytes:
    return frame(b"P", _string(name) + _string(text) + pack(f"!H{len(types)}I", len(types), *types))


def _bind(
    *values: bytes | None,
    name: str = "",
    portal: str = "",
    formats: tuple[int, ...] = (),
    results: tuple[int, ...] = (),
) -> bytes:
    body = (
        _string(portal) + _string(name) + pack(f"!H{len(formats)}H", len(formats), *formats) + pack("!H", len(values))
    )
    for value in values:
        body += pack("!i", -1) if value is None else pack("!i", len(value)) + value
    return frame(b"B", body + pack(f"!H{len(results)}H", len(results), *results))


def _columns(**oids: int) -> bytes:
    fields = b"".join(_string(name) + pack("!IhIhih", 0, 0, oid, -1, -1, 0) for name, oid in oids.items())
    return frame(b"T", pack("!H", len(oids)) + fields)


def _row(*cells: bytes | None) -> bytes:
    body = b"".join(pack("!i", -1) if cell is None else pack("!i", len(cell)) + cell for cell in cells)
    return frame(b"D", pack("!H", len(cells)) + body)


def _error(code: str, message: str = "no", severity: str = "ERROR") -> bytes:
    return frame(
        b"E", b"".join(_string(each) for each in (f"S{severity}", f"V{severity}", f"C{code}", f"M{message}")) + b"\0"
    )


@pytest.fixture(scope="session")
def pg() -> SimpleNamespace:
    """The frames by their names in PostgreSQL's manual."""
    return SimpleNamespace(
        startup=_startup,
        ssl=pack("!II", 8, 80877103),
        gssenc=pack("!II", 8, 80877104),
        cancel=pack("!IIII", 16, 80877102, 1, 2),
        query=lambda text: frame(b"Q", _string(text)),
        parse=_parse,
        bind=_bind,
        describe=lambda name="", kind=b"P": frame(b"D", kind + _string(name)),
        execute=lambda portal="", rows=0: frame(b"E", _string(portal) + pack("!I", rows)),
        close=lambda name, kind=b"S": frame(b"C", kind + _string(name)),
        sync=frame(b"S"),
        flush=frame(b"H"),
        terminate=frame(b"X"),
        copy_data=lambda data: frame(b"d", data),
        copy_done=frame(b"c"),
        authenticated=frame(b"R", pack("!I", 0)),
        wants_password=frame(b"R", pack("!I", 3)),
        password=frame(b"p", b"secret\0"),
        parsed=frame(b"1"),
        bound=frame(b"2"),
        closed=frame(b"3"),
        no_data=frame(b"n"),
        types=lambda *oids: frame(b"t", pack(f"!H{len(oids)}I", len(oids), *oids)),
        columns=_columns,
        row=_row,
        done=lambda tag: frame(b"C", _string(tag)),
        suspended=frame(b"s"),
        empty=frame(b"I"),
        copy_in=frame(b"G", b"\0\0\1\0\0"),
        copy_both=frame(b"W", b"\0\0\0"),
        notice=frame(b"N", b"SNOTICE\0Mhello\0\0"),
        error=_error,
        ready=lambda status=b"I": frame(b"Z", status),
    )


@pytest.fixture
def rule() -> Callable[..., MessageRule]:
    """`rule(action, query, **rest)`; other match keys in `match`."""

    def make(action: str, query: str = "", **rest: Any) -> MessageRule:
        match = {**({"query": query} if query else {}), **rest.pop("match", {})}
        return a_rule(action, match=match, protocol="postgres", **rest)

    return make


@pytest.fixture
def talk(pg: SimpleNamespace) -> Callable[..., Play]:
    """`talk(*rules)`: a conversation whose connection has been made, by `ada` to `shop`."""

    def make(*rules: MessageRule) -> Play:
        play = Play(dialogue, protocol="postgres")
        play.caller(pg.startup(user="ada", database="shop"))
        play.service(pg.authenticated + pg.ready())
        play.rules(*rules)
        return play

    return make
