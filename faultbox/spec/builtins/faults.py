"""What is done to a system call: deny(), delay(), allow(), and op() to name some."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from faultbox.model.fault import Action, ActionKind, Direction, Fault, FdKind, Operation
from faultbox.model.message import MessageAction, Side
from faultbox.model.syscalls import UnknownSyscall, expand
from faultbox.spec.builtins import kinds
from faultbox.spec.builtins.declare import Call, builtin
from faultbox.spec.builtins.messages import LATER, WORDS, Draft, drafted, pattern, word
from faultbox.spec.builtins.triggers import TRIGGERS, triggered, with_keywords
from faultbox.spec.builtins.values import nearest_name
from faultbox.spec.builtins.wrong import Wrong

_HINTS = dict.fromkeys(WORDS - {"path"}, "it belongs to faults on messages: error(), drop() and their kin")
_WHEN: dict[str, kinds.Kind] = {
    "path": kinds.path_glob,
    "on": kinds.choice("file", "socket", "pipe", "tty", "other"),
    "direction": kinds.choice("out", "in"),
    "existing": kinds.choice("sever", "keep"),
    "label": kinds.text,
    "from_start": kinds.boolean,
    **TRIGGERS,
}


def _fault(
    call: Call,
    action: Action,
    *,
    path: str = "",
    on: FdKind | None = None,
    direction: Direction | None = None,
    existing: Literal["sever", "keep"] = "sever",
    nth: int | None = None,
    first: int | None = None,
    after: int | None = None,
    every: int | None = None,
    probability: float = 1.0,
    label: str = "",
    from_start: bool = False,
) -> Fault:
    """path: only calls on files whose resolved path matches; a call whose path can't be known never does
    on: only calls on this kind of descriptor
    direction: for connect: only connects that the service makes ("out") or that reach it ("in")
    existing: for connect: whether the callers' established connections to it are severed or kept
    nth: only this matching call; like first, after and every it counts from 1, per rule and per service
    first: only so many matching calls
    after: only matching calls beyond so many
    every: only each so-many-th matching call
    probability: how likely each remaining call is met, drawn from the seed by what the call is; 0 never, 1 always
    label: a remark that evidence shows with the rule
    from_start: meet the service's start-up as well; otherwise faults begin when the services are ready and seeded
    """
    trigger = triggered(call, nth=nth, first=first, after=after, every=every, probability=probability)
    return Fault(action, call.position, trigger, path, on, direction, existing, label, from_start)


When = dict[str, Any]


def _conditioned(body: Callable[..., Fault | Draft]) -> Any:
    return with_keywords(body, _fault, _WHEN)


@builtin("deny", _WHEN, errno=kinds.errno_name, unavailable=LATER, hints=_HINTS)
@_conditioned
def deny(call: Call, when: When, errno: int) -> Fault:
    """Answers matching system calls with an error; the call is not made.

    errno: the error the caller sees
    """
    return _fault(call, Action(ActionKind.DENY, errno=errno), **when)


@builtin(
    "delay",
    {**_WHEN, "path": kinds.text},
    duration=kinds.positive_duration,
    delay=kinds.positive_duration,
    side=kinds.choice("request", "response"),
    match=kinds.dict_of(kinds.text, pattern),
    words=word,
    unavailable=LATER,
)
@_conditioned
def delay(
    call: Call,
    when: When,
    duration: float | None = None,
    *,
    delay: float | None = None,
    side: Side | None = None,
    match: dict[str, Any] | None = None,
    **words: Any,
) -> Fault | Draft:
    """Holds matching system calls up, then lets the next rule decide; with delay= it holds messages up instead.

    The delays of several rules on one call or message add up.

    duration: how long, for system calls: `delay("500ms")`
    delay: how long, for messages: `delay(delay="500ms", path="/search*")`
    side: as for [error()](#error)
    match: as for [error()](#error)
    **words: which messages, as for [error()](#error)
    """
    if duration is None:
        return _message_delay(call, when, words, delay, side=side, match=match)
    only = {"delay": delay, "side": side, "match": match, **words}
    for name, value in only.items():
        if value is not None:
            message = f'delay("{duration:g}ms") holds up system calls; for messages write delay(delay="{duration:g}ms"'
            raise Wrong("UNKNOWN_KEYWORD", f"{message}, {name}=…)", at=name, naming=True)
    with call.noting("path"):
        when["path"] = kinds.path_glob(when["path"], "path") if when["path"] else ""
    return _fault(call, Action(ActionKind.DELAY, delay_ms=duration), **when)


def _message_delay(call: Call, when: When, words: dict[str, Any], length: float | None, **which: Any) -> Draft:
    if length is None:
        message = 'how long? delay("500ms") holds up system calls, delay(delay="500ms", …) messages'
        raise Wrong("MISSING_ARGUMENT", message)
    path = when.pop("path")
    own = {name: when.pop(name) for name in ("on", "direction", "existing", "from_start")}
    for name, value in own.items():
        if value not in (None, "sever", False):
            raise Wrong("NO_EFFECT", f"{name}= is about system calls, it means nothing for messages", at=name)
    words = {"path": path, **words} if path else words
    return drafted(call, MessageAction.DELAY, words, {"delay_ms": length}, **which, **when)


@builtin("allow", _WHEN, unavailable=LATER, hints=_HINTS)
@_conditioned
def allow(call: Call, when: When) -> Fault:
    """Lets matching system calls through, whatever later rules and outer scopes would do to them."""
    return _fault(call, Action(ActionKind.ALLOW), **when)


def syscall_name(value: Any, label: str) -> str:
    """the name of a system call or of a family ("write", "connect", "openat")"""
    name = kinds.text(value, label)
    try:
        expand(name)
    except UnknownSyscall as error:
        raise Wrong("UNKNOWN_SYSCALL", f"{label} is no known system call: {name!r}", nearest=error.nearest) from None
    return name


@builtin("op", syscalls=kinds.list_of(syscall_name), path=kinds.path_glob)
def op(call: Call, syscalls: tuple[str, ...], path: str = "") -> Operation:
    """Names a group of system calls of a service, for service(ops={"wal_write": op(...)}).

    The name is then a keyword like a system call: fault_assumption(target=db, wal_write=deny("EIO")).

    syscalls: what belongs to it; families and newer variants are included
    path: only calls on files whose resolved path matches
    gives: an operation
    """
    if not syscalls:
        raise Wrong("EMPTY", "syscalls must name at least one system call", at="syscalls")
    return Operation(syscalls, path, call.position)


def check_keyword(keyword: str, ops: dict[str, Operation] | Any) -> frozenset[str]:
    """The system calls that a fault's keyword means on a service with these ops. Raises Wrong."""
    if keyword in ops:
        return frozenset().union(*(expand(each) for each in ops[keyword].syscalls))
    try:
        return expand(keyword)
    except UnknownSyscall as error:
        near = nearest_name(keyword, list(ops)) or error.nearest
        named = f"its ops ({', '.join(ops)}), " if ops else ""
        raise Wrong(
            "UNKNOWN_SYSCALL",
            f"{keyword!r} is no known system call",
            accepted=f'{named}a family ("write", "connect", "fsync") or a system call ("openat")',
            nearest=near,
            at=keyword,
            naming=True,
        ) from None


def check_fault(keyword: str, fault: Fault, syscalls: frozenset[str], *, inline: bool) -> None:
    """Whether what the fault asks for can be asked of these calls. Raises Wrong."""
    if "connect" not in syscalls:
        for option, given in (("direction", fault.direction), ("existing", fault.existing == "keep")):
            if given:
                raise Wrong("NO_EFFECT", f"{option}= belongs to connect, it means nothing for {keyword}", at=keyword)
    if inline and fault.from_start:
        message = "from_start=True has no effect here: the services run already; use it in a fault_assumption()"
        raise Wrong("NO_EFFECT", message, at=keyword)
