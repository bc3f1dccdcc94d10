"""What Redis' commands say by their arguments: where their keys are, and what else a conversation must know of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

SUBSCRIBES: Final = frozenset((b"SUBSCRIBE", b"PSUBSCRIBE", b"SSUBSCRIBE"))
UNSUBSCRIBES: Final = frozenset((b"UNSUBSCRIBE", b"PUNSUBSCRIBE", b"SUNSUBSCRIBE"))
DELIVERIES: Final = frozenset((b"message", b"pmessage", b"smessage"))
UNQUEUED: Final = frozenset((b"MULTI", b"EXEC", b"DISCARD", b"WATCH", b"QUIT", b"RESET"))
"""What a transaction does not queue (processCommand in Redis' server.c)."""
STREAMS: Final = frozenset((b"SYNC", b"PSYNC"))
"""After these the connection carries a replication stream."""

CONTAINERS: Final = frozenset(
    (
        b"ACL", b"CLIENT", b"CLUSTER", b"COMMAND", b"CONFIG", b"DEBUG", b"FUNCTION", b"LATENCY", b"MEMORY", b"MODULE",
        b"OBJECT", b"PUBSUB", b"SCRIPT", b"SENTINEL", b"SLOWLOG", b"XGROUP", b"XINFO",
    )
)  # fmt: skip
"""Commands whose first argument names what they do."""
_KEYLESS = frozenset(
    (
        b"ASKING", b"AUTH", b"BGREWRITEAOF", b"BGSAVE", b"DBSIZE", b"DISCARD", b"ECHO", b"EXEC",
        b"FAILOVER", b"FLUSHALL", b"FLUSHDB", b"HELLO", b"INFO", b"KEYS", b"LASTSAVE", b"LOLWUT", b"MONITOR", b"MULTI",
        b"PING", b"QUIT", b"RANDOMKEY",
        b"READONLY", b"READWRITE", b"REPLICAOF", b"REPLCONF", b"RESET", b"ROLE", b"SAVE", b"SCAN", b"SELECT",
        b"SHUTDOWN", b"SLAVEOF", b"SWAPDB", b"SYNC", b"PSYNC", b"TIME", b"UNWATCH", b"WAIT", b"WAITAOF",
    )
)  # fmt: skip
Places = Callable[[int], Sequence[int]]
_PLACES: dict[bytes, Places] = {
    **dict.fromkeys(CONTAINERS | _KEYLESS, lambda _count: ()),
    **dict.fromkeys(
        (b"DEBUG", b"MEMORY", b"OBJECT", b"PFDEBUG", b"XGROUP", b"XINFO"), lambda count: range(2, min(3, count))
    ),
    **dict.fromkeys(
        (
            b"DEL", b"EXISTS", b"MGET", b"PFCOUNT", b"PFMERGE", b"SDIFF", b"SDIFFSTORE", b"SINTER", b"SINTERSTORE",
            b"SUNION", b"SUNIONSTORE", b"TOUCH", b"UNLINK", b"WATCH", *SUBSCRIBES, *UNSUBSCRIBES,
        ),
        lambda count: range(1, count),
    ),
    **dict.fromkeys((b"BLPOP", b"BRPOP", b"BZPOPMIN", b"BZPOPMAX"), lambda count: range(1, count - 1)),
    **dict.fromkeys((b"MSET", b"MSETNX"), lambda count: range(1, count, 2)),
    **dict.fromkeys(
        (
            b"BLMOVE", b"BRPOPLPUSH", b"COPY", b"GEOSEARCHSTORE", b"LCS", b"LMOVE", b"RENAME", b"RENAMENX",
            b"RPOPLPUSH", b"SMOVE", b"ZRANGESTORE",
        ),
        lambda count: range(1, min(3, count)),
    ),
    b"BITOP": lambda count: range(2, count),
    b"MIGRATE": lambda count: range(3, min(4, count)),
}  # fmt: skip
"""Which arguments are keys, by the number of arguments, of commands that don't simply have one key first."""
_COUNTED = {
    b"EVAL": 2, b"EVALSHA": 2, b"EVAL_RO": 2, b"EVALSHA_RO": 2, b"FCALL": 2, b"FCALL_RO": 2,
    b"BLMPOP": 2, b"BZMPOP": 2, b"LMPOP": 1, b"ZMPOP": 1, b"SINTERCARD": 1, b"ZINTERCARD": 1,
    b"ZDIFF": 1, b"ZINTER": 1, b"ZUNION": 1, b"ZDIFFSTORE": 2, b"ZINTERSTORE": 2, b"ZUNIONSTORE": 2,
}  # fmt: skip
"""Where the number of keys stands that follow it."""
_STORES = frozenset((b"ZDIFFSTORE", b"ZINTERSTORE", b"ZUNIONSTORE"))


def full_name(arguments: Sequence[bytes]) -> bytes:
    """The name in capitals of a command whose first argument says what it does: `CONFIG SET`."""
    return b" ".join(arguments[:2]).upper()


def keys_of(arguments: Sequence[bytes], count: int) -> tuple[bytes, ...] | None:
    """The keys of a command, and the channels of those about channels; None where not all are there yet.

    `count` is how many arguments there will be. A command that isn't known has its key first, as nearly all have.
    """
    if len(arguments) < min(2, count):
        return None
    if count < 2:
        return ()
    places = _places(arguments[0].upper(), arguments, count)
    if places is None or (places and places[-1] >= len(arguments)):
        return None
    return tuple(arguments[place] for place in places)


def _places(name: bytes, arguments: Sequence[bytes], count: int) -> Sequence[int] | None:
    """Where the keys are; None where the arguments that tell are not there yet."""
    if name in _PLACES:
        return _PLACES[name](count)
    if name in _COUNTED:
        return _counted(name, arguments, count)
    if name in (b"XREAD", b"XREADGROUP"):
        return _after_streams(arguments, count)
    return (1,)


def _counted(name: bytes, arguments: Sequence[bytes], count: int) -> Sequence[int] | None:
    at = _COUNTED[name]
    if at >= count:
        return ()
    if at >= len(arguments):
        return None
    keys = int(arguments[at]) if arguments[at].isdigit() and len(arguments[at]) < 8 else 0
    places = range(at + 1, min(at + 1 + keys, count))
    return (1, *places) if name in _STORES else places


def _after_streams(arguments: Sequence[bytes], count: int) -> Sequence[int] | None:
    """`XREAD … STREAMS a b id id`: half of what follows."""
    for place, argument in enumerate(arguments):
        if argument.upper() == b"STREAMS":
            return range(place + 1, place + 1 + (count - place - 1) // 2)
    return () if len(arguments) == count else None
