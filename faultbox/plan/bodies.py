"""What the functions of a case may ask of its world, read from their text before they run.

A filter must be there before a service starts, so all that fault(), trace() and assertions may
name has to be known early. Reading is conservative: what can't be told is taken to be everything
that the spec's assumptions name anywhere.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from faultbox.model.fault import Assumption
from faultbox.model.spec import Monitor
from faultbox.model.syscalls import FAMILIES, known
from faultbox.model.topology import Endpoint, Service
from faultbox.plan.asked import About, Asked
from faultbox.plan.meant import Meant, one_service
from faultbox.plan.texts import Role, Tells, Text, functions_in, strings_in, text_of
from faultbox.spec.builtins import Filter, Function, Several, alternatives, name_of
from faultbox.spec.builtins.reading import UNKNOWN

ARMING = frozenset({"fault", "fault_start", "fault_all"})
_OWN = frozenset({"run", "service", "services", "rules", "source"})
PARTING = frozenset({"partition", "partition_start"})
TRACING = frozenset({"trace", "trace_start"})
ASKING = frozenset({"events", "assert_eventually", "assert_never", "assert_before"})
UNREADABLE = Tells(unspelt=True)
"""Of what only the run will tell."""


def read(functions: Iterable[object]) -> Asked:
    """What these functions, and all that they can reach, may ask for."""
    asked = Asked()
    functions = list(functions)
    for each in functions:
        if isinstance(each, Monitor):
            _watched(each, asked)
    waiting = [each for function in functions for each in functions_in(function)]
    met: set[Function] = set()
    while waiting:
        function = waiting.pop()
        if function not in met:
            met.add(function)
            body = _Body(function, asked)
            body.read()
            waiting.extend(body.reached)
    return asked


def judged(filters: Mapping[str, object], where: object = None) -> Asked:
    """What must be seen of events that filters mean, and a function besides, so that their absence says something."""
    asked = Asked()
    asked.judge([(filters, _choosing(where))])
    return asked


def watched(monitor: Monitor) -> Asked:
    """The same of what a monitor judges."""
    asked = Asked()
    _watched(monitor, asked)
    return asked


def _watched(monitor: Monitor, asked: Asked) -> None:
    about = [(filters, _choosing(functions)) for filters, functions in monitor.about]
    judges = [text_of(each, role) for role, function in monitor.judges for each in functions_in(function)]
    asked.judge(about, judges, Meant(service=monitor.service or None))


def _choosing(functions: object) -> list[Text]:
    return [text_of(each, "chooses") for each in functions_in(functions)]


class _Body:
    """One function: what its text names, and what that means where it can be told."""

    def __init__(self, function: Function, asked: Asked) -> None:
        self._text = text_of(function)
        self._values = self._text.values
        self._asked = asked
        self._looped: set[int] = set()
        self.reached: list[Function] = list(functions_in(tuple(function.defaults.values())))

    def read(self) -> None:
        nodes = list(ast.walk(self._text.node))
        for node in nodes:
            if isinstance(node, ast.For | ast.comprehension):
                self._looping(node)
        called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
        for node in nodes:
            if isinstance(node, ast.Call):
                self._call(node, name_of(self._values.of(node.func)))
            elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                value = self._values.of(node)
                self.reached.extend(functions_in(value))
                if id(node) not in called:
                    self._mention(name_of(value))

    def _mention(self, name: str) -> None:
        """A builtin that is passed on may be called with anything."""
        if name in ARMING:
            self._asked.anything = self._asked.any_assumption = True
            self._asked.messages.add((None, ""))
        elif name in PARTING:
            self._asked.parted = True
        elif name in ASKING or name == "monitor":
            self._asked.want(UNREADABLE)

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
            each for each in (*strings_in(self._text.node), *self._values.keys()) if each in FAMILIES or each in known()
        )

    # --- what is observed ---

    def _tracing(self, node: ast.Call) -> None:
        services = self._services([self._values.of(each) for each in _positional(node)[:1]] or [UNKNOWN])
        for each in node.keywords:
            if each.arg == "syscalls":
                value = self._values.of(each.value)
                named = value if isinstance(value, list | tuple) else strings_in(self._text.node)
                names = {name for name in named if isinstance(name, str) and (name in FAMILIES or name in known())}
                self._asked.observed.update((service, name) for service in services for name in names)

    def _asking(self, node: ast.Call, name: str) -> None:
        if name == "assert_before":
            for keyword in node.keywords:
                self._asked.judge(self._about(keyword.value))
            return
        named = {each.arg: self._values.of(each.value) for each in node.keywords if each.arg not in ("where", "within")}
        functions = _positional(node)[:1] + [each.value for each in node.keywords if each.arg == "where"]
        filters = {field: value for field, value in named.items() if field is not None and not _is_position(field)}
        if None in named:  # which fields, only the run will tell
            self._asked.want(UNREADABLE)
        if filters or functions:
            self._asked.judge([(filters, [each for node in functions for each in self._judge(node, "chooses")])])
        elif name == "events" and id(node) not in self._looped:
            self._asked.scan(self._text)

    def _watching(self, node: ast.Call) -> None:
        """A monitor that the body begins: what on= means, or what its functions mean."""
        given = {each.arg: each.value for each in node.keywords}
        judges = [each for check in _positional(node)[:1] for each in self._judge(check, "checks")]
        judges += self._judge(given["check"], "checks") if "check" in given else []
        judges += self._judge(given["update"], "updates") if "update" in given else []
        service = one_service(self._values.of(given["service"])) if "service" in given else None
        self._asked.judge(self._about(given["on"]) if "on" in given else [({}, [])], judges, Meant(service=service))

    def _looping(self, node: ast.For | ast.comprehension) -> None:
        """A loop over all events says which of them it is about."""
        match node.iter:
            case ast.Call(args=[], keywords=[]) as call if name_of(self._values.of(call.func)) == "events":
                self._looped.add(id(call))
                self._asked.scan(self._text, node)

    def _about(self, node: ast.expr) -> About:
        """What a matcher, a dict of filters or a function means, or a call of match.event()."""
        value = self._values.of(node)
        if isinstance(value, Filter | Several):
            return [(filters, _choosing(functions)) for filters, functions in alternatives(value)]
        if isinstance(node, ast.Call):
            name = name_of(self._values.of(node.func))
            if name in ("match.any", "match.never"):
                return [each for part in node.args for each in self._about(part)]
            if name == "match.all" and node.args:
                return self._about(node.args[0])
            if name == "match.event":
                value = {each.arg: self._values.of(each.value) for each in node.keywords if each.arg is not None}
                if len(value) < len(node.keywords):
                    self._asked.want(UNREADABLE)
        return [(value, [])] if isinstance(value, Mapping) else [({}, self._judge(node, "chooses"))]

    def _judge(self, node: ast.expr, role: Role) -> list[Text]:
        """The function that an expression is; one that only the run will tell may judge any event."""
        if isinstance(node, ast.Lambda):
            return [Text(node, self._values, role)]
        value = self._values.of(node)
        if value is UNKNOWN:
            self._asked.want(UNREADABLE)
        return [text_of(each, role) for each in functions_in(value)]


def _positional(node: ast.Call) -> list[ast.expr]:
    """Positional arguments, those that the normaliser gave a name included."""
    return [*node.args, *(each.value for each in node.keywords if each.arg is not None and _is_position(each.arg))]


def _is_position(keyword: str) -> bool:
    return keyword.startswith("_p") and keyword[2:].isdigit()
