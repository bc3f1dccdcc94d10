"""Every kind of argument: what it accepts and in which words it refuses."""

from __future__ import annotations

import errno
import signal
from collections.abc import Callable
from typing import Any

import pytest

from faultbox.spec.builtins import kinds
from faultbox.spec.builtins.wrong import Wrong
from faultbox.spec.semantics.values import Dict, List

ACCEPTED: list[tuple[Callable[[Any, str], Any], Any, Any]] = [
    (kinds.text, "x", "x"),
    (kinds.content, b"\xff", b"\xff"),
    (kinds.boolean, True, True),
    (kinds.integer, -3, -3),
    (kinds.at_least(1), 1, 1),
    (kinds.port, 65535, 65535),
    (kinds.milliseconds, 5000, 5000.0),
    (kinds.milliseconds, 0.5, 0.5),
    (kinds.duration, "500ms", 500.0),
    (kinds.duration, "1.5s", 1500.0),
    (kinds.duration, "2m", 120_000.0),
    (kinds.duration, "1h30m", 5_400_000.0),
    (kinds.duration, "250us", 0.25),
    (kinds.duration, "0s", 0.0),
    (kinds.probability, 0, 0.0),
    (kinds.probability, 1, 1.0),
    (kinds.probability, 0.25, 0.25),
    (kinds.probability, "30%", 0.3),
    (kinds.probability, "12.5 %", 0.125),
    (kinds.errno_name, "EIO", errno.EIO),
    (kinds.errno_name, "EWOULDBLOCK", errno.EAGAIN),
    (kinds.errno_name, "EPIPE", errno.EPIPE),
    (kinds.signal_number, "SIGKILL", signal.SIGKILL),
    (kinds.signal_number, "TERM", signal.SIGTERM),
    (kinds.signal_number, 9, 9),
    (kinds.path_glob, "/data/*", "/data/*"),
    (kinds.path_glob, "**/wal.[0-9]", "**/wal.[0-9]"),
    (kinds.path_glob, "/a/[]]", "/a/[]]"),
    (kinds.identifier, "main_2", "main_2"),
    (kinds.name, "api-db.down", "api-db.down"),
    (kinds.choice("in", "out"), "in", "in"),
    (kinds.list_of(kinds.integer), List([1, 2]), (1, 2)),
    (kinds.list_of(kinds.integer), (1, 2), (1, 2)),
    (kinds.one_or_more(kinds.integer), 1, (1,)),
    (kinds.one_or_more(kinds.integer), List([1]), (1,)),
    (kinds.dict_of(kinds.text, kinds.integer), Dict([("a", 1)]), {"a": 1}),
]


@pytest.mark.parametrize(("kind", "given", "wanted"), ACCEPTED)
def test_accepts(kind: Callable[[Any, str], Any], given: Any, wanted: Any) -> None:
    assert kind(given, "it") == wanted


REFUSED: list[tuple[Callable[[Any, str], Any], Any, str, str]] = [
    (kinds.text, 8080, "WRONG_TYPE", "it must be a string, got int 8080; write str(8080)"),
    (kinds.text, None, "WRONG_TYPE", "it must be a string, got None"),
    (kinds.text, True, "WRONG_TYPE", "it must be a string, got True"),
    (kinds.text, List(["a"]), "WRONG_TYPE", 'it must be a string, got list ["a"]'),
    (kinds.boolean, 1, "WRONG_TYPE", "it must be True or False, got int 1"),
    (kinds.integer, True, "WRONG_TYPE", "it must be an int, got True"),
    (kinds.integer, 1.0, "WRONG_TYPE", "it must be an int, got float 1.0"),
    (kinds.at_least(1), 0, "OUT_OF_RANGE", "it must be at least 1, got 0"),
    (kinds.port, 0, "BAD_PORT", "it must be between 1 and 65535, got 0"),
    (kinds.port, 70000, "BAD_PORT", "it must be between 1 and 65535, got 70000"),
    (
        kinds.milliseconds,
        "5s",
        "WRONG_TYPE",
        'it must be a number of milliseconds, got string "5s"; write 5000',
    ),
    (kinds.milliseconds, -1, "OUT_OF_RANGE", "it must be a number of milliseconds from 0, got -1"),
    (kinds.duration, 2, "WRONG_TYPE", 'it must be a duration like "500ms", got int 2; write "2ms" or "2s"'),
    (kinds.duration, "2", "BAD_DURATION", 'it must be a duration, got string "2"'),
    (kinds.duration, "-2s", "BAD_DURATION", 'it must be a duration, got string "-2s"'),
    (kinds.duration, "2 s", "BAD_DURATION", 'it must be a duration, got string "2 s"'),
    (kinds.duration, "25h", "BAD_DURATION", 'it must be at most 24h, got string "25h"'),
    (kinds.positive_duration, "0s", "BAD_DURATION", 'it must be longer than 0, got string "0s"'),
    (kinds.probability, 1.5, "OUT_OF_RANGE", 'it must be between 0 and 1, got float 1.5; write "1.5%"'),
    (kinds.probability, 30, "OUT_OF_RANGE", 'it must be between 0 and 1, got int 30; write "30%"'),
    (kinds.probability, -1, "OUT_OF_RANGE", "it must be between 0 and 1, got int -1"),
    (kinds.probability, float("nan"), "OUT_OF_RANGE", "it must be between 0 and 1, got float nan"),
    (kinds.probability, "130%", "OUT_OF_RANGE", 'it must be between 0 and 1, got string "130%"'),
    (
        kinds.probability,
        "often",
        "WRONG_TYPE",
        'it must be a number from 0 to 1 or a percentage like "30%", got string "often"',
    ),
    (kinds.errno_name, "EIOO", "UNKNOWN_ERRNO", 'it is no known error: string "EIOO"'),
    (kinds.errno_name, "eio", "UNKNOWN_ERRNO", 'it is no known error: string "eio"'),
    (kinds.errno_name, 5, "WRONG_TYPE", 'it must be the name of an error like "EIO", got int 5'),
    (kinds.signal_number, "SIGTREM", "UNKNOWN_SIGNAL", 'it is no known signal: string "SIGTREM"'),
    (kinds.signal_number, 99, "UNKNOWN_SIGNAL", "it must be between 1 and 64, got 99"),
    (
        kinds.path_glob,
        "data/x",
        "BAD_GLOB",
        (
            'it must begin with "/" or "*", got string "data/x": it is matched against the whole path as the kernel '
            'resolved it; write "**/data/x"'
        ),
    ),
    (kinds.path_glob, "/a[b", "BAD_GLOB", 'it has a "[" without its "]": string "/a[b"'),
    (kinds.identifier, "my-port", "BAD_NAME", 'it is not a usable name: string "my-port"'),
    (kinds.name, "a b", "BAD_NAME", 'it is not a usable name: string "a b"'),
    (kinds.name, "../up", "BAD_NAME", 'it is not a usable name: string "../up"'),
    (kinds.function, 3, "WRONG_TYPE", "it must be a function, got int 3"),
    (
        kinds.function,
        None,
        "WRONG_TYPE",
        "it must be a function, got None; write the function's name without (), so that it is called later",
    ),
    (kinds.choice("in", "out"), "inn", "UNKNOWN_VALUE", 'it can\'t be string "inn"'),
    (kinds.list_of(kinds.text), "a", "WRONG_TYPE", 'it must be a list, got string "a"; write ["a"]'),
    (kinds.list_of(kinds.text), List(["a", 1]), "WRONG_TYPE", "it[1] must be a string, got int 1; write str(1)"),
    (kinds.dict_of(kinds.text, kinds.text), List(), "WRONG_TYPE", "it must be a dict, got list []"),
    (
        kinds.dict_of(kinds.text, kinds.text),
        Dict([("PORT", 8080)]),
        "WRONG_TYPE",
        "it values must be strings, got int 8080; write str(8080)",
    ),
]


@pytest.mark.parametrize(("kind", "given", "code", "message"), REFUSED)
def test_refuses(kind: Callable[[Any, str], Any], given: Any, code: str, message: str) -> None:
    with pytest.raises(Wrong) as caught:
        kind(given, "it")
    assert (caught.value.code, caught.value.message) == (code, message)


def test_unknown_names_come_with_the_nearest() -> None:
    for kind, given, nearest in (
        (kinds.errno_name, "ECONREFUSED", "ECONNREFUSED"),
        (kinds.errno_name, "enospc", "ENOSPC"),
        (kinds.signal_number, "SIGTREM", "SIGTERM"),
        (kinds.choice("file", "socket"), "sockets", "socket"),
    ):
        with pytest.raises(Wrong) as caught:
            kind(given, "it")
        assert caught.value.nearest == nearest


def test_long_values_are_cut_in_messages() -> None:
    with pytest.raises(Wrong) as caught:
        kinds.integer("x" * 1000, "it")
    assert len(caught.value.message) < 140
