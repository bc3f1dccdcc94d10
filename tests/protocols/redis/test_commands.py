"""Where the keys of commands are. tests/e2e_network/redis asks the real server the same."""

from __future__ import annotations

import pytest

from faultbox.protocols.redis.commands import full_name, keys_of


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        ("GET a", "a"),
        ("set a 1 EX 5", "a"),
        ("UNKNOWN.COMMAND a b", "a"),
        ("PING", ""),
        ("PING text", ""),
        ("ECHO x", ""),
        ("DEL a b c", "a b c"),
        ("MSET a 1 b 2", "a b"),
        ("BLPOP a b 0", "a b"),
        ("RENAME a b", "a b"),
        ("COPY a b DB 1 REPLACE", "a b"),
        ("BITOP AND d a b", "d a b"),
        ("EVAL script 2 a b c", "a b"),
        ("EVAL script 0 c", ""),
        ("EVAL script x c", ""),
        ("EVAL script", ""),
        ("EVALSHA sha 99999999 a", ""),
        ("ZUNIONSTORE d 2 a b WEIGHTS 1 2", "d a b"),
        ("ZDIFF 2 a b", "a b"),
        ("BLMPOP 0 2 a b LEFT", "a b"),
        ("XREAD COUNT 2 STREAMS a b 0 0", "a b"),
        ("XREADGROUP GROUP g c STREAMS a >", "a"),
        ("XREAD COUNT 2", ""),
        ("OBJECT ENCODING a", "a"),
        ("XINFO STREAM a", "a"),
        ("CONFIG GET a", ""),
        ("MIGRATE h 6379 a 0 100", "a"),
        ("SUBSCRIBE a b", "a b"),
        ("PUBLISH a text", "a"),
    ],
)
def test_keys(line: str, keys: str) -> None:
    arguments = [word.encode() for word in line.split()]
    assert keys_of(arguments, len(arguments)) == tuple(word.encode() for word in keys.split())


@pytest.mark.parametrize(
    ("line", "total", "keys"),
    [
        ("SET a", 3, ("a",)),
        ("SET", 3, None),
        ("MGET a", 3, None),
        ("EVAL script", 5, None),
        ("EVAL script 2 a", 5, None),
        ("EVAL script 1 a", 5, ("a",)),
        ("XREAD COUNT 2", 7, None),
        ("XREAD STREAMS a b", 6, ("a", "b")),
        ("CONFIG", 4, None),
        ("CONFIG SET", 4, ()),
    ],
)
def test_keys_of_a_command_that_is_not_whole(line: str, total: int, keys: tuple[str, ...] | None) -> None:
    arguments = [word.encode() for word in line.split()]
    assert keys_of(arguments, total) == (None if keys is None else tuple(key.encode() for key in keys))


def test_names() -> None:
    assert full_name([b"config", b"set", b"x", b"1"]) == b"CONFIG SET"
    assert full_name([b"CLIENT"]) == b"CLIENT"
