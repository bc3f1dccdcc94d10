"""What is done to a system call: deny(), delay(), allow(), and op() to name some."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal

from faultbox.model.fault import Action, ActionKind, Direction, Fault, FdKind, Operation, Trigger
from faultbox.model.syscalls import UnknownSyscall, expand
from faultbox.spec.builtins import kinds
from faultbox.spec.builtins.declare import Call, builtin, not_available
from faultbox.spec.builtins.values import nearest_name
from faultbox.spec.builtins.wrong import Wrong

_RULE_KEYWORDS = (
    "method", "query", "command", "key", "topic", "subject", "collection", "op", "delay", "status", "body", "value",
    "message", "delay_ms", "drop", "status_code",
)  # fmt: skip
_MESSAGES = dict.fromkeys(_RULE_KEYWORDS, "protocol faults") | dict.fromkeys(("max_fires", "mode"), "exploration")
_WHEN: dict[str, kinds.Kind] = {
    "path": kinds.path_glob,
    "on": kinds.choice("file", "socket", "pipe", "tty", "other"),
    "direction": kinds.choice("out", "in"),
    "existing": kinds.choice("sever", "keep"),
    "label": kinds.text,
    "from_start": kinds.boolean,
    "nth": kinds.at_least(1),
    "first": kinds.at_least(1),
    "after": kinds.at_least(0),
    "every": kinds.at_least(1),
    "probability": kinds.probability,
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
    trigger = Trigger(nth, first, after, every, probability)
    _warn_never(call, trigger)
    return Fault(action, call.position, trigger, path, on, direction, existing, label, from_start)


def _conditioned(body: Callable[..., Action]) -> Callable[..., Fault]:
    """A builtin's body that gives an action, with the keywords of `_fault` added to its own."""
    own = inspect.signature(body)
    shared = [each for each in inspect.signature(_fault).parameters.values() if each.name in _WHEN]

    def conditioned(call: Call, *args: Any, **named: Any) -> Fault:
        when = {name: named.pop(name) for name in _WHEN}
        return _fault(call, body(call, *args, **named), **when)

    conditioned.__signature__ = own.replace(parameters=[*own.parameters.values(), *shared])  # type: ignore[attr-defined]
    conditioned.__doc__ = f"{inspect.getdoc(body)}\n{inspect.getdoc(_fault)}\ngives: a fault"
    return conditioned


@builtin("deny", _WHEN, errno=kinds.errno_name, unavailable=_MESSAGES)
@_conditioned
def deny(_call: Call, errno: int) -> Action:
    """Answers matching system calls with an error; the call is not made.

    errno: the error the caller sees
    """
    return Action(ActionKind.DENY, errno=errno)


@builtin("delay", _WHEN, duration=kinds.positive_duration, unavailable=_MESSAGES)
@_conditioned
def delay(_call: Call, duration: float | None = None) -> Action:
    """Holds matching system calls up, then lets the next rule decide.

    The delays of several rules on one call add up. Without a duration it would be a protocol
    fault, which this version does not have yet.

    duration: how long
    """
    if duration is None:
        raise not_available('delay without a duration (delay("500ms")) needs protocol faults')
    return Action(ActionKind.DELAY, delay_ms=duration)


@builtin("allow", _WHEN, unavailable=_MESSAGES)
@_conditioned
def allow(_call: Call) -> Action:
    """Lets matching system calls through, whatever later rules and outer scopes would do to them."""
    return Action(ActionKind.ALLOW)


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


def _warn_never(call: Call, trigger: Trigger) -> None:
    """A fault that no call can meet is allowed, but hardly meant."""
    nth, first, after, every = trigger.nth, trigger.first, trigger.after, trigger.every
    if trigger.probability == 0:
        call.warn("NEVER_FIRES", "probability=0 means never", at="probability")
    elif nth is not None and _excluded(nth, first, after, every):
        call.warn("NEVER_FIRES", f"no call is number {nth} and also what first, after and every ask for", at="nth")
    elif first is not None and after is not None and first <= after:
        call.warn("NEVER_FIRES", f"no call is among the first {first} and beyond the first {after}", at="first")


def _excluded(nth: int, first: int | None, after: int | None, every: int | None) -> bool:
    beyond = first is not None and nth > first
    before = after is not None and nth <= after
    return beyond or before or (every is not None and nth % every != 0)


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
