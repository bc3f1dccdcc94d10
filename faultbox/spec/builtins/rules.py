"""Faults on messages, once an interface says what their words mean: checked against its protocol's table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from faultbox.model.fault import Fault
from faultbox.model.message import MessageAction, MessageFault, Side
from faultbox.model.protocols import PROTOCOLS, ActionForm, MatchKey, Parameter, Protocol
from faultbox.model.source import Position
from faultbox.model.topology import Endpoint, Service
from faultbox.spec.builtins import kinds
from faultbox.spec.builtins.declare import Call, not_available
from faultbox.spec.builtins.http_rules import check_http
from faultbox.spec.builtins.messages import ALIASES, Draft, pattern
from faultbox.spec.builtins.values import nearest_name, plain, show
from faultbox.spec.builtins.wrong import Wrong
from faultbox.spec.files import LIBRARY

_ANSWERS = (MessageAction.REWRITE, MessageAction.TRUNCATE, MessageAction.CORRUPT, MessageAction.SLOW)
"""Actions that are meant on the answer where the spec does not say."""
DRIVER = "driver"


def rule(value: Any, label: str) -> Draft:
    """a fault on messages, like error(...) or drop(...)"""
    if isinstance(value, Draft):
        return value
    if isinstance(value, Fault):
        held = value.action.delay_ms
        advice = f'; write delay(delay="{held:g}ms", …)' if held else "; write error(…), drop(…) or another"
        raise Wrong("WRONG_TYPE", f"{label} must be a fault on messages, {value.text} is one on system calls{advice}")
    return kinds.refuse(label, "a fault on messages like error(...)", value)


def source(value: Any, label: str) -> str:
    """a service whose messages are meant, or "driver" for the steps of the scenario itself"""
    if isinstance(value, Service):
        return value.name
    if value == DRIVER:
        return DRIVER
    return kinds.refuse(label, 'a service or "driver"', value)


def bound_rules(
    call: Call, endpoint: Endpoint, drafts: Iterable[Draft], source: str, at: int | str
) -> tuple[MessageFault, ...]:
    """The faults as that interface's protocol has them; what it doesn't have is a problem of the call."""
    if source == endpoint.service:
        message = f"{source} is not a caller of its own interface {endpoint}"
        call.problem(Wrong("NO_EFFECT", message, at="source"))
    found = []
    for place, each in enumerate(drafts, at if isinstance(at, int) else 0):
        with call.noting(place if isinstance(at, int) else at):
            found.append(bind_rule(each, endpoint, call.position))
    return tuple(found)


def bind_rule(draft: Draft, endpoint: Endpoint, used: Position) -> MessageFault:
    """Raises Wrong where the interface's protocol can't do it.

    What a recipe of the library made stands where it is `used`: that is in a file the user can see.
    """
    protocol = PROTOCOLS[endpoint.interface.protocol]
    position = used if draft.position.file.startswith(LIBRARY) else draft.position
    if "tls" in draft.arguments:
        _check_tls(draft, endpoint, protocol)
        return MessageFault(draft.action, position, arguments=draft.arguments, trigger=draft.trigger, label=draft.label)
    form = _form(draft, endpoint, protocol)
    words = _Words(draft, endpoint, protocol, form)
    if protocol.name == "http":
        check_http(draft.action, words.side, words.arguments)
    return MessageFault(draft.action, position, words.side, words.match, words.arguments, draft.trigger, draft.label)


def _check_tls(draft: Draft, endpoint: Endpoint, protocol: Protocol) -> None:
    if endpoint.interface.tls is None:
        how = f"interface({endpoint.interface.name!r}, {protocol.name!r}, {endpoint.port}, tls=True)"
        able = ", ".join(each for each, known in PROTOCOLS.items() if known.tls)
        advice = f"write {how}" if protocol.tls else f"this version has TLS for {able}"
        raise Wrong("UNSUPPORTED", f"{draft.text} on {endpoint}, which does not speak TLS; {advice}")


def _form(draft: Draft, endpoint: Endpoint, protocol: Protocol) -> ActionForm:
    if not protocol.actions:
        raise not_available(f"{draft.text} on {endpoint} needs a proxy for {protocol.name}")
    if draft.action not in protocol.actions:
        message = f"{endpoint} speaks {protocol.name}, where there is no {draft.action}()"
        raise Wrong("UNSUPPORTED", message, accepted=", ".join(f"{each}()" for each in protocol.actions))
    return protocol.actions[draft.action]


class _Words:
    """What the words of a draft mean in a protocol."""

    def __init__(self, draft: Draft, endpoint: Endpoint, protocol: Protocol, form: ActionForm) -> None:
        self._draft = draft
        self._endpoint = endpoint
        self._protocol = protocol
        self._form = form
        self._parameters = {each.name: each for each in form.arguments}
        self.side = self._side()
        self.arguments = dict(draft.arguments)
        self.match: dict[str, str] = {}
        for name in draft.arguments:
            self._known(name.removesuffix("_ms") if name == "delay_ms" else name)
        for name, value in draft.words.items():
            self._take(name, value)
        for name, value in draft.match.items():
            self._match(name, value)
        self._whole()

    def _side(self) -> Side:
        """As written; else where the action is mostly meant, and possible."""
        draft, sides = self._draft, self._form.sides
        if draft.side is not None:
            if draft.side not in sides:
                raise self._unsupported(f"{draft.action}() acts on the {sides[0]} only", f'side="{sides[0]}"')
            return draft.side
        late = draft.action in _ANSWERS or "after_bytes" in draft.arguments
        side: Side = "response" if late else "request"
        return side if side in sides else sides[0]

    def _take(self, name: str, value: Any) -> None:
        """A word is something that the action takes, or else something to match by."""
        for spelling in (name, ALIASES.get(name, "")):
            if spelling in self._parameters:
                self.arguments[spelling] = _argument(self._parameters[spelling], value, name, self._draft.action)
                return
        self._match(name, pattern(value, name))

    def _known(self, name: str) -> None:
        if name not in self._parameters:
            raise self._unsupported(f"{self._draft.action}() has no {name}", ", ".join(self._parameters))

    def _match(self, name: str, found: str | Mapping[str, str]) -> None:
        key = self._key(name)
        globs = _globs(key, found, name)
        if self.side not in key.sides:
            message = f'{name} is known of the {key.sides[0]} only: add side="{key.sides[0]}"'
            raise self._unsupported(message, ", ".join(self._keys()))
        self.match.update(globs)

    def _key(self, name: str) -> MatchKey:
        table = self._protocol.match
        for spelling in (name, ALIASES.get(name, "")):
            if spelling in table:
                return table[spelling]
        accepted = "to match by: " + (", ".join(self._keys()) or "nothing")
        accepted += f"; {self._draft.action}() takes: {', '.join(self._parameters)}" if self._parameters else ""
        raise self._unsupported(f"{self._draft.action}() has no {name!r}", accepted, name)

    def _keys(self) -> Iterator[str]:
        return (each.name for each in self._protocol.match.values() if self.side in each.sides)

    def _whole(self) -> None:
        """What only all words together can show."""
        draft = self._draft
        if draft.action is MessageAction.REWRITE and not self.arguments:
            raise Wrong(
                "EMPTY", f"rewrite() changes nothing: add {' or '.join(f'{each}=' for each in self._parameters)}"
            )
        if not self.arguments.get("refuse"):
            return
        if self.match:
            first = next(iter(self.match))
            message = f"refuse=True is about connections, which have said nothing yet: leave out {first}"
            raise Wrong("NO_EFFECT", message)
        if self.side == "response":
            raise Wrong("NO_EFFECT", 'refuse=True is about connections: leave out side="response"')

    def _unsupported(self, what: str, accepted: str, name: str = "") -> Wrong:
        near = nearest_name(name, [*self._parameters, *self._keys()]) if name else ""
        where = f"{self._endpoint} speaks {self._protocol.name}"
        return Wrong("UNSUPPORTED", f"{where}, where {what}", accepted=accepted, nearest=near)


def _globs(key: MatchKey, found: str | Mapping[str, str], label: str) -> Mapping[str, str]:
    """A match key's globs, each under the name it has in a MessageFault."""
    if isinstance(found, str):
        if key.entries and not key.whole:
            kinds.refuse(label, f'a dict like {{"name": {show(found, typed=False)}}}', found)
        return {key.name: _path(found, label) if key.glob == "path" else found}
    if not key.entries:
        raise Wrong("WRONG_TYPE", f"{label} must be a string, got a dict")
    if not found:
        raise Wrong("EMPTY", f"{label} is an empty dict, which matches nothing in particular: leave it out")
    return {f"{key.name}.{name}": each for name, each in found.items()}


def _path(glob: str, label: str) -> str:
    if not glob.startswith(("/", "*")):
        raise Wrong("BAD_GLOB", f'{label} must begin with "/" or "*", got {show(glob)}; write "/{glob}"')
    if "?" in glob and "=" in glob.partition("?")[2]:
        message = f"{label} is matched without the query string, got {show(glob)}"
        raise Wrong("BAD_GLOB", f"{message}; write query= for what follows the question mark")
    return glob


# --- what actions take ---


def _status(value: Any, label: str) -> int:
    """a status, 200 to 599"""
    number = kinds.integer(value, label)
    if not 200 <= number <= 599:
        raise Wrong("OUT_OF_RANGE", f"{label} must be between 200 and 599, got {number}")
    return number


def _text_or_none(value: Any, label: str) -> str | None:
    """a string, or None"""
    return None if value is None else kinds.text(value, label)


def _sqlstate(value: Any, label: str) -> str:
    """a SQLSTATE, or the name of one"""
    from faultbox.model import sqlstates

    code = kinds.text(value, label)
    if not sqlstates.known(code):
        near = nearest_name(code.lower(), list(sqlstates.CODES))
        accepted = (
            'a name of PostgreSQL\'s Appendix A like "deadlock_detected", or five digits and letters like "40P01"'
        )
        message = f"{label} is no SQLSTATE and no name of one: {show(value)}"
        raise Wrong("UNKNOWN_VALUE", message, accepted=accepted, nearest=near)
    return code


_NUMBERS: Mapping[str, kinds.Kind] = {"status": _status, "delay_ms": kinds.milliseconds}
_JSON = ("body", "json")
_KINDS: Mapping[str, kinds.Kind] = {**kinds.PARAMETERS, "sqlstate": _sqlstate}


def _argument(parameter: Parameter, value: Any, label: str, action: MessageAction) -> Any:
    kind = _KINDS[parameter.kind]
    if parameter.kind == "number":
        kind = _NUMBERS.get(parameter.name, kind)
    if parameter.kind == "strings" and action is MessageAction.REWRITE:
        kind = kinds.dict_of(kinds.text, _text_or_none)
    converted = kind(value, label)
    return _sendable(converted, label, as_json=parameter.name in _JSON) if parameter.kind == "any" else converted


def _sendable(value: Any, label: str, *, as_json: bool) -> Any:
    """A value as a message can hold it: what goes as JSON must have a form as JSON."""
    try:
        found = plain(value)
        if as_json and isinstance(found, dict | list):
            json.dumps(found, allow_nan=False)
    except (TypeError, ValueError):
        raise Wrong("WRONG_VALUE", f"{label} has no form as JSON: {show(value)}") from None
    except RecursionError:
        raise Wrong("WRONG_VALUE", f"{label} is nested too deeply to be sent") from None
    if isinstance(found, str | bytes | bool | int | float | list | dict | None):
        return found
    return kinds.refuse(label, "something that can be sent: text, bytes, a number, a list or a dict", value)
