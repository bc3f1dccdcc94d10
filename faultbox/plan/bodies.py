"""What the functions of a case may ask of its world, read from their text before they run.

A filter must be there before a service starts, so all that fault(), trace() and assertions may
name has to be known early. Reading is conservative: what can't be told is taken to be everything
that the spec's assumptions name anywhere.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from faultbox.model.event_types import WATCHED
from faultbox.model.fault import Assumption
from faultbox.model.spec import Monitor
from faultbox.model.syscalls import FAMILIES, known
from faultbox.model.topology import Endpoint, Service
from faultbox.plan.asked import ALL_CALLS, Asked, watched_by
from faultbox.spec import describe
from faultbox.spec.builtins import Filter, Function, Invocation, Several, Struct, name_of, shapes_of
from faultbox.spec.builtins.reading import UNKNOWN, Values

ARMING = frozenset({"fault", "fault_start", "fault_all"})
_OWN = frozenset({"run", "service", "services", "rules", "source"})
PARTING = frozenset({"partition", "partition_start"})
TRACING = frozenset({"trace", "trace_start"})
ASKING = frozenset({"events", "assert_eventually", "assert_never", "assert_before"})
_DEPTH = 4
"""How deep values that hold functions are looked into."""


def read(functions: Iterable[object]) -> Asked:
    """What these functions, and all that they can reach, may ask for."""
    asked = Asked()
    functions = list(functions)
    for each in functions:
        if isinstance(each, Monitor):
            _watched(each, asked)
    waiting = [each for function in functions for each in _functions(function)]
    met: set[Function] = set()
    while waiting:
        function = waiting.pop()
        if function not in met:
            met.add(function)
            body = _Body(function, asked)
            body.read()
            waiting.extend(body.reached)
    return asked


def _watched(monitor: Monitor, asked: Asked) -> None:
    """What a monitor must be shown: events of its shapes, or what its functions spell out."""
    only = monitor.service or None
    for shape in monitor.shapes or ():
        asked.look(_service(shape.get("service")) or only, shape, proof=True)
    if monitor.shapes is None:
        asked.lines.add(only)
        for function in monitor.functions:
            if isinstance(function, Function):
                _Body(function, asked).judges_events()


def judged(function: object) -> Asked:
    """What a function needs that is to judge events, where no event that it means must be missing."""
    asked = Asked()
    for each in _functions(function):
        _Body(each, asked).judges_events(proof=True)
    return asked


def _functions(value: object, depth: int = _DEPTH) -> Iterator[Function]:
    """The functions that a value is or holds."""
    if isinstance(value, Function):
        yield value
    elif isinstance(value, Invocation):
        yield from _functions(value.function, depth)
    elif isinstance(value, Monitor):
        yield from _functions(value.functions, depth)
    elif depth:
        for each in _parts(value):
            yield from _functions(each, depth - 1)


def _parts(value: object) -> Iterable[object]:
    if isinstance(value, Struct):
        return value.fields.values()
    if isinstance(value, Mapping):
        return (part for pair in value.items() for part in pair)
    return value if isinstance(value, list | tuple) else ()


class _Body:
    """One function: what its text names, and what that means where it can be told."""

    def __init__(self, function: Function, asked: Asked) -> None:
        info = describe(function)
        self._node = info.node
        self._values = Values(info)
        self._asked = asked
        self.reached: list[Function] = list(_functions(tuple(function.defaults.values())))

    def read(self) -> None:
        called = {id(node.func) for node in ast.walk(self._node) if isinstance(node, ast.Call)}
        for node in ast.walk(self._node):
            if isinstance(node, ast.Call):
                self._call(node, name_of(self._values.of(node.func)))
            elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                value = self._values.of(node)
                self.reached.extend(_functions(value))
                if id(node) not in called:
                    self._mention(name_of(value))

    def _mention(self, name: str) -> None:
        """A builtin that is passed on may be called with anything."""
        if name in ARMING:
            self._asked.anything = self._asked.any_assumption = True
            self._asked.messages.add((None, ""))
        elif name in PARTING:
            self._asked.parted = True
        elif name in ASKING:
            self._asked.lines.add(None)

    def _call(self, node: ast.Call, name: str) -> None:
        if name in ARMING:
            self._arming(node, name)
        elif name in PARTING:
            self._asked.parted = True
        elif name in TRACING:
            self._tracing(node)
        elif name in ASKING:
            self._asking(node, name)
        elif name == "monitor":
            self._watching(node)
        else:
            self._asked.handed.update(each.arg for each in node.keywords if each.arg is not None)

    # --- faults ---

    def _arming(self, node: ast.Call, name: str) -> None:
        where = [self._values.of(each) for each in _positional(node)[:1]]
        where += [self._values.of(each.value) for each in node.keywords if each.arg in ("service", "services")]
        services = self._services(where or [UNKNOWN])
        if name != "fault_all":
            self._messages(node, (where or [UNKNOWN])[0])
        keywords = [each.arg for each in node.keywords if each.arg is not None and not _is_position(each.arg)]
        for each in node.keywords:
            if each.arg is None:
                keywords.extend(self._keys(each.value))
        if any(isinstance(each, ast.Starred) for each in node.args):
            self._asked.anything = True
        self._asked.armed.update(
            (service, keyword) for service in services for keyword in keywords if keyword not in _OWN
        )

    def _services(self, where: Iterable[object]) -> set[str | None]:
        """The services that an argument means; an assumption is noted, what can't be told is everything."""
        found: set[str | None] = set()
        for value in where:
            if isinstance(value, Service):
                found.add(value.name)
            elif isinstance(value, Assumption):
                self._asked.assumptions.add(value)
            elif isinstance(value, Endpoint):
                pass  # its messages are meant, see _messages
            elif isinstance(value, list | tuple):
                found |= self._services(value)
            else:
                self._asked.anything = True
                found.add(None)
        return found

    def _messages(self, node: ast.Call, target: object) -> None:
        """Whose messages a call may be about; where its target can't be told, its other arguments show its kind."""
        rules = len(_positional(node)) > 1 or any(isinstance(each, ast.Starred) for each in node.args)
        if isinstance(target, Endpoint) or (target is UNKNOWN and rules):
            self._asked.messages.add((target if isinstance(target, Endpoint) else None, self._source(node)))
        if target is UNKNOWN and not rules:
            own = {each.arg for each in node.keywords if each.arg and not _is_position(each.arg)}
            self._asked.any_assumption |= own <= _OWN

    def _source(self, node: ast.Call) -> str:
        """The caller that source= names, "" where it can't be told or all are meant."""
        given = next((self._values.of(each.value) for each in node.keywords if each.arg == "source"), None)
        return given.name if isinstance(given, Service) else given if isinstance(given, str) else ""

    def _keys(self, node: ast.expr) -> Iterator[str]:
        """The keywords that `**node` gives."""
        value = self._values.of(node)
        if isinstance(value, Mapping):
            yield from (each for each in value if isinstance(each, str))
            return
        self._asked.anything = True
        yield from (
            each for each in (*_strings(self._node), *self._values.keys()) if each in FAMILIES or each in known()
        )

    # --- what is observed ---

    def _tracing(self, node: ast.Call) -> None:
        services = self._services([self._values.of(each) for each in _positional(node)[:1]] or [UNKNOWN])
        for each in node.keywords:
            if each.arg == "syscalls":
                value = self._values.of(each.value)
                named = value if isinstance(value, list | tuple) else _strings(self._node)
                names = {name for name in named if isinstance(name, str) and (name in FAMILIES or name in known())}
                self._asked.observed.update((service, name) for service in services for name in names)

    def _asking(self, node: ast.Call, name: str) -> None:
        if name == "assert_before":
            for keyword in node.keywords:
                self._matched(keyword.value, proof=True)
            return
        named = {each.arg: each.value for each in node.keywords if each.arg not in ("where", "within")}
        functions = _positional(node)[:1] + [each.value for each in node.keywords if each.arg == "where"]
        proof = name != "events"
        if None in named:
            self._filters(UNKNOWN, node, proof=proof)
        elif named or not functions:
            self._filters({name: self._values.of(value) for name, value in named.items()}, node, proof=proof)
        for function in functions:
            self._where(function, proof=proof)

    def _matched(self, node: ast.expr, *, proof: bool, service: str | None = None) -> None:
        """What a matcher, a dict of filters or a function means, or a call of match.event()."""
        value = self._values.of(node)
        if isinstance(value, Filter | Several) and (shapes := shapes_of(value)) is not None:
            for shape in shapes:
                self._asked.look(_service(shape.get("service")) or service, shape, proof=proof)
        elif isinstance(node, ast.Call) and name_of(self._values.of(node.func)) == "match.event":
            named = {each.arg: self._values.of(each.value) for each in node.keywords}
            self._filters(UNKNOWN if None in named else named, node, proof=proof)
        else:
            self._filters(value, node, proof=proof)

    def _filters(self, filters: object, node: ast.expr, *, proof: bool) -> None:
        if not isinstance(filters, Mapping):
            self._where(node, proof=proof)
            return
        self._asked.look(_service(filters.get("service")), filters, proof=proof)

    def _watching(self, node: ast.Call) -> None:
        """A monitor that the body begins: what on= means, or what its functions spell out."""
        given = {each.arg: each.value for each in node.keywords}
        if "on" in given:
            self._matched(given["on"], proof=True)
        else:
            for each in (*_positional(node)[:1], *(given[name] for name in ("update", "check") if name in given)):
                self._where(each)

    def _where(self, node: ast.expr, *, proof: bool = False) -> None:
        """A condition in code: system calls are those that its text, or the function it names, spells out."""
        self._asked.lines.add(None)
        value = self._values.of(node)
        if isinstance(value, Function):
            _Body(value, self._asked).judges_events(proof=proof)
        else:
            self._spelt(node, self._values, proof=proof)

    def judges_events(self, *, proof: bool = False) -> None:
        """This function is asked about events: system calls that its text spells out are wanted."""
        self._spelt(self._node, self._values, proof=proof)

    def _spelt(self, text: ast.AST, values: Values, *, proof: bool) -> None:
        words = {*_strings(text), *_named_strings(text, values)}
        read = words | {each.attr for each in ast.walk(text) if isinstance(each, ast.Attribute)}
        if "syscall" in read:
            calls = {word for word in words if word in FAMILIES or word in known()}
            met = "decision" in read and not any(word.startswith(("allow", "trace")) for word in words)
            calls |= {ALL_CALLS} if proof and not calls and not met else set()
            self._asked.observed.update((None, call) for call in calls)
        else:
            self._asked.watched.update((None, each) for each in {*(WATCHED & words), *watched_by(read)})


def _service(named: object) -> str | None:
    """The one service that a filter is about."""
    name = named.name if isinstance(named, Service) else named
    return name if isinstance(name, str) and not set("*?") & set(name) else None


def _positional(node: ast.Call) -> list[ast.expr]:
    """Positional arguments, those that the normaliser gave a name included."""
    return [*node.args, *(each.value for each in node.keywords if each.arg is not None and _is_position(each.arg))]


def _is_position(keyword: str) -> bool:
    return keyword.startswith("_p") and keyword[2:].isdigit()


def _strings(node: ast.AST) -> Iterator[str]:
    return (each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str))


def _named_strings(node: ast.AST, values: Values) -> Iterator[str]:
    """The strings that a text means by names: of constants, and of lists and dicts of them."""
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            value = values.of(each)
            parts = [value] if isinstance(value, str) else _parts(value)
            yield from (part for part in parts if isinstance(part, str))
