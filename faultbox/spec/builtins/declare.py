"""How a builtin is declared, and what happens between a call in a spec and its Python function.

A builtin is a Python function with typed parameters; `@builtin(...)` names the kind of each.
Its docstring is its documentation, in this form, from which the reference is made:

    First line: what it does, as a sentence.

    More paragraphs, if any.

    keyword: what it is for
    *rest: the same for further positional arguments
    gives: what it returns

Problems of a call are recorded while a spec loads, all that one call has, and the call's value
is then Broken; while a scenario runs, the first one is raised as SpecError.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property, partial, wraps
from pathlib import Path
from types import MappingProxyType
from typing import Any

from faultbox.model.frozen import frozen
from faultbox.model.host import Host, SpecError, current
from faultbox.model.source import Position, Problem
from faultbox.spec.broken import BROKEN, Broken
from faultbox.spec.builtin import Builtin, CallSite
from faultbox.spec.builtins.kinds import Kind
from faultbox.spec.builtins.values import mapping, nearest_name, sequence
from faultbox.spec.builtins.wrong import Wrong
from faultbox.spec.session import Session, State

active: ContextVar[Session] = ContextVar("faultbox.session")
"""The session of the spec that loads in this context: what values' methods belong to, which are bound to none."""
judging: ContextVar[str] = ContextVar("faultbox.judging", default="")
"""The monitor whose functions run in this context."""
LOOKING = frozenset(
    {"assert_true", "assert_eq", "assert_never", "assert_before", "events", "fail", "print", "struct"}
    | {"match.event", "match.any", "match.all", "match.never"}
)
"""Builtins that may be called while an event is judged: they compute, or read what has happened."""
REQUIRED = inspect.Parameter.empty
_DEPTH = 4
"""How deep Broken is looked for in lists and dicts: as deep as any argument nests."""


@dataclass(eq=False)
class Failures:
    """The builtins of which some call failed, so that what they would have declared isn't known."""

    names: set[str] = field(default_factory=set)


class Call:
    """One call of a builtin: where it stands, and where its problems go."""

    def __init__(self, session: Session, name: str, site: CallSite) -> None:
        self.session = session
        self.name = name
        self.site = site
        self.broken = False
        self.places: dict[str, int | str] = {}
        """Where each parameter was given: by which position or keyword."""

    @property
    def position(self) -> Position:
        return self.site.position

    @property
    def host(self) -> Host:
        """The world. Raises Wrong where no scenario runs."""
        host = current.get(None)
        if host is None:
            raise Wrong("OUTSIDE_SCENARIO", "runs only inside a scenario, test or expect; put it in a function")
        if judging.get() and self.name not in LOOKING:
            message = f"a monitor, here {judging.get()!r}, only judges what happens"
            raise Wrong("MONITOR_ACTS", message, accepted=", ".join(sorted(LOOKING)))
        return host

    def state(self, kind: type[State]) -> State:
        return self.session.state(kind)

    def guard(self, body: Callable[[Call], object]) -> object:
        """What the body gives; Broken where it, or anything in it, went wrong."""
        value: object = BROKEN
        try:
            value = body(self)
        except Wrong as wrong:
            self.problem(wrong)
        if not self.broken:
            return value
        self.session.state(Failures).names.add(self.name)
        return BROKEN

    def problem(self, wrong: Wrong) -> None:
        """Record what is wrong and go on, while the spec loads. Raises SpecError while it runs."""
        verb = wrong.message.startswith(("runs ", "needs "))
        message = f"{self.name}(){'' if verb else ':'} {wrong.message}"
        if not self.session.loading:
            raise SpecError(wrong.code, message, accepted=wrong.accepted, nearest=wrong.nearest)
        self.broken = True
        self.session.problem(Problem(wrong.code, message, self._place(wrong), wrong.accepted, wrong.nearest))

    @contextmanager
    def noting(self, at: int | str | None = None) -> Iterator[None]:
        """Record what goes wrong inside and go on behind it, so that further problems are found."""
        try:
            yield
        except Wrong as wrong:
            if wrong.at is None:
                wrong.at = at
            self.problem(wrong)

    def warn(self, code: str, message: str, *, at: int | str | None = None) -> None:
        """Record something doubtful; once the spec has been loaded nobody would read it."""
        if self.session.loading:
            self.session.warning(Problem(code, f"{self.name}(): {message}", self.place(at)))

    def place(self, at: int | str | None) -> Position:
        if at is None:
            return self.position
        return self.site.argument_position(self.places.get(at, at) if isinstance(at, str) else at)

    def _place(self, wrong: Wrong) -> Position:
        if wrong.naming and isinstance(wrong.at, str):
            return self.site.keyword_position(wrong.at)
        return self.place(wrong.at)


@frozen
class Parameter:
    """One parameter of a builtin, as the binder and the reference see it."""

    name: str
    kind: Kind
    default: Any
    positional: bool

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


@frozen
class Definition:
    """A builtin, not yet bound to a session. `rest` takes further positional, `extra` further named arguments."""

    name: str
    body: Callable[..., object]
    kinds: Mapping[str, Kind]
    unavailable: Mapping[str, str] = field(default_factory=dict)
    hints: Mapping[str, str] = field(default_factory=dict)

    def bind(self, session: Session) -> Builtin:
        return Builtin(self.name, partial(self.invoke, session), inspect.getdoc(self.body) or "")

    def invoke(self, session: Session, site: CallSite, args: Sequence[Any], named: Mapping[str, Any]) -> object:
        """Unpack, check and do one call."""
        if session.loading and _holds_broken((*args, *named.values())):
            return BROKEN
        return Call(session, self.name, site).guard(lambda call: self._do(call, args, named))

    def _do(self, call: Call, args: Sequence[Any], named: Mapping[str, Any]) -> object:
        positional, keywords = self._unpack(call, args, named)
        return BROKEN if call.broken else self.body(call, *positional, **keywords)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(
            Parameter(name, self.kinds[name], each.default, each.kind is not inspect.Parameter.KEYWORD_ONLY)
            for name, each in self._signature.items()
            if each.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        )

    @cached_property
    def rest(self) -> str:
        return self._variadic(inspect.Parameter.VAR_POSITIONAL)

    @cached_property
    def extra(self) -> str:
        return self._variadic(inspect.Parameter.VAR_KEYWORD)

    @cached_property
    def _signature(self) -> dict[str, inspect.Parameter]:
        _call, *others = inspect.signature(self.body).parameters.values()
        return {each.name: each for each in others}

    def _variadic(self, kind: object) -> str:
        return next((name for name, each in self._signature.items() if each.kind is kind), "")

    def _unpack(self, call: Call, args: Sequence[Any], named: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Every argument as its kind, as the body takes them. Problems are recorded, their arguments left out."""
        given: dict[str, tuple[int | str, Any]] = {}
        rest = self._positional(call, args, given)
        extra = self._named(call, named, given)
        call.places = {name: at for name, (at, _) in given.items()}
        values: dict[str, Any] = {}
        for parameter in self.parameters:
            at, value = given.get(parameter.name, (None, None))
            if at is None and parameter.required:
                call.problem(Wrong("MISSING_ARGUMENT", f"missing argument {parameter.name!r}", accepted=self.accepted))
            elif value is None and not parameter.required:
                values[parameter.name] = parameter.default
            else:
                values[parameter.name] = _converted(call, parameter.kind, value, parameter.name, at)
        positional = [values.pop(each.name, None) for each in self.parameters if each.positional]
        values |= {name: _converted(call, self.kinds[self.extra], each, name, name) for name, each in extra.items()}
        return [*positional, *rest], values

    def _positional(self, call: Call, args: Sequence[Any], given: dict[str, tuple[int | str, Any]]) -> list[Any]:
        names = [each.name for each in self.parameters if each.positional]
        given.update({name: (index, value) for index, (name, value) in enumerate(zip(names, args, strict=False))})
        over = args[len(names) :]
        if over and not self.rest:
            count = f"at most {len(names)} positional argument{'s' * (len(names) != 1)}"
            message = f"takes {count if names else 'named arguments only'}, got {len(args)}"
            call.problem(Wrong("TOO_MANY_ARGUMENTS", message, accepted=self.accepted, at=len(names)))
            return []
        return [
            _converted(call, self.kinds[self.rest], value, "an argument", index)
            for index, value in enumerate(over, len(names))
        ]

    def _named(self, call: Call, named: Mapping[str, Any], given: dict[str, tuple[int | str, Any]]) -> dict[str, Any]:
        known = {each.name for each in self.parameters}
        extra: dict[str, Any] = {}
        for name, value in named.items():
            if name in given:
                call.problem(Wrong("DUPLICATE_ARGUMENT", f"{name} is given twice, by position and by name", at=name))
            elif name in known:
                given[name] = (name, value)
            elif name in self.unavailable:
                call.problem(not_available(f"{name}= needs {self.unavailable[name]}", at=name))
            elif self.extra:
                extra[name] = value
            else:
                call.problem(self._unknown(name))
        return extra

    def _unknown(self, name: str) -> Wrong:
        hint = self.hints.get(name, "")
        message = f"unknown keyword {name!r}" + (f"; {hint}" if hint else "")
        near = "" if hint else nearest_name(name, [each.name for each in self.parameters])
        return Wrong("UNKNOWN_KEYWORD", message, accepted=self.accepted, nearest=near, at=name, naming=True)

    @property
    def accepted(self) -> str:
        return ", ".join(each.name for each in self.parameters) or "no arguments"


REGISTRY: dict[str, Definition] = {}
"""Every builtin by its name in specs, in the order in which the topics declare them."""


def name_of(value: object) -> str:
    """The name of a builtin, bound to a session or not; "" for all else."""
    return value.name if isinstance(value, Builtin | Definition) else ""


def builtin(
    called: str,
    /,
    *shared: Mapping[str, Kind],
    unavailable: Mapping[str, str] = MappingProxyType({}),
    hints: Mapping[str, str] = MappingProxyType({}),
    **kinds: Kind,
) -> Callable[[Callable[..., object]], Definition]:
    """Declare a builtin by the kinds of its parameters.

    `unavailable` maps keywords to the feature that they wait for, `hints` to what to write instead.
    """

    all_kinds = {name: kind for several in (*shared, kinds) for name, kind in several.items()}

    def declared(body: Callable[..., object]) -> Definition:
        definition = Definition(called, body, all_kinds, unavailable, hints)
        REGISTRY[called] = definition
        return definition

    return declared


def declaration(body: Callable[..., Any]) -> Callable[..., Any]:
    """A builtin that says what the spec consists of: it can't be called once that is settled."""

    @wraps(body)
    def declared(call: Call, *args: Any, **named: Any) -> object:
        if not call.session.loading:
            raise Wrong("TOO_LATE", "runs only while the spec is loaded; call it at the top level")
        return body(call, *args, **named)

    return declared


def method_call(name: str, site: CallSite, body: Callable[[Call], object]) -> object:
    """One call of a method of one of our values, guarded as a builtin's is."""
    session = active.get(None) or Session(Path(), loading=False)
    return Call(session, name, site).guard(body)


def not_available(what: str, *, at: int | str | None = None) -> Wrong:
    return Wrong("NOT_AVAILABLE", f"{what}, which this version does not have yet", at=at, naming=True)


def _converted(call: Call, kind: Kind, value: Any, label: str, at: int | str | None) -> Any:
    try:
        return kind(value, label)
    except Wrong as wrong:
        if wrong.at is None:
            wrong.at = at
        call.problem(wrong)
        return None


def _holds_broken(value: object, depth: int = _DEPTH) -> bool:
    if isinstance(value, Broken):
        return True
    if depth == 0:
        return False
    found = mapping(value)
    items = [*found, *found.values()] if found is not None else sequence(value) or ()
    return any(_holds_broken(each, depth - 1) for each in items)
