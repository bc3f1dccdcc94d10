"""What is done to messages: response(), error(), drop() and their kin, for rules= and for fault() on an interface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from faultbox.model.fault import Trigger
from faultbox.model.frozen import frozen
from faultbox.model.message import MessageAction, Side
from faultbox.model.printed import printed
from faultbox.model.protocols import PROTOCOLS, TLS_FAULTS
from faultbox.model.source import Position
from faultbox.spec.builtins import kinds
from faultbox.spec.builtins.declare import Call, builtin
from faultbox.spec.builtins.triggers import TRIGGERS, triggered, with_keywords
from faultbox.spec.builtins.values import mapping, nearest_name, show
from faultbox.spec.builtins.wrong import Wrong

ALIASES: Mapping[str, str] = {
    "op": "method", "method": "op", "collection": "key", "key": "collection", "subject": "topic", "topic": "subject",
    "table": "tables", "tables": "table", "status_code": "status",
}  # fmt: skip
"""Words with a second spelling: a protocol knows one of the two."""
MATCHED = frozenset(name for each in PROTOCOLS.values() for name in each.match) | (ALIASES.keys() - {"status_code"})
"""Every word that a message of some protocol can be matched by."""
WORDS = (
    MATCHED
    | frozenset(each.name for known in PROTOCOLS.values() for form in known.actions.values() for each in form.arguments)
    | {"status_code"}
)
LATER = dict.fromkeys(("max_fires", "mode"), "exploration")


@frozen(eq=False)
class Draft:
    """A fault on messages as a spec wrote it, before an interface says what its words mean.

    `arguments` are those that every protocol's action takes, as MessageFault has them; `words` are as written:
    match keys, or what the action takes in the protocol's own way. `match` holds match keys for certain.
    """

    action: MessageAction
    position: Position
    words: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    match: Mapping[str, Any] = field(default_factory=dict)
    side: Side | None = None
    trigger: Trigger = field(default_factory=Trigger)
    label: str = ""

    @property
    def text(self) -> str:
        """As the spec would write it."""
        words = {**self.words, **({"match": "{…}"} if self.match else {})}
        written = [f"{name}={show(value, typed=False)}" for name, value in words.items()]
        written += [f"{name}={value!r}" for name, value in self.arguments.items()]
        return f"{self.action}({', '.join(written)})"


def glob(value: Any, label: str) -> str:
    """a glob: `*` is any run of characters, `?` one; a number or True means its text"""
    return printed(value) if isinstance(value, bool | int | float) else kinds.text(value, label)


def pattern(value: Any, label: str) -> Any:
    """a glob, or a dict of such by name"""
    found = mapping(value)
    return glob(value, label) if found is None else kinds.dict_of(kinds.text, glob)(value, label)


def word(value: Any, _label: str) -> Any:
    """a glob, a dict of globs, or what the action takes under that name"""
    return value


_WHICH: dict[str, kinds.Kind] = {
    "match": kinds.dict_of(kinds.text, pattern),
    "side": kinds.choice("request", "response"),
    "label": kinds.text,
    **TRIGGERS,
}
SHARED = frozenset(_WHICH)
_REST = {**_WHICH, "words": word}


def drafted(
    call: Call,
    action: MessageAction,
    words: Mapping[str, Any],
    arguments: Mapping[str, Any],
    *,
    match: Mapping[str, Any] | None = None,
    side: Side | None = None,
    label: str = "",
    nth: int | None = None,
    first: int | None = None,
    after: int | None = None,
    every: int | None = None,
    probability: float = 1.0,
) -> Draft:
    """match: the same as the words, in a dict, for a match key that has the name of something the action takes:
        `response(status=503, match={"headers": {"X-Tenant": "a*"}})`
    side: of the exchange: what the caller sends (`"request"`) or what the service answers (`"response"`)
    label: a remark that evidence shows with the rule
    nth: only this matching message; like first, after and every it counts from 1, per rule and per caller
    first: only so many matching messages
    after: only matching messages beyond so many
    every: only each so-many-th matching message
    probability: how likely each remaining message is met, drawn from the seed by what the message is; 0 never, 1 always
    """
    for name in words:
        if name not in _words_of(action):
            call.problem(_unknown(name, action))
    for name in match or {}:
        if name not in MATCHED:
            call.problem(Wrong("UNKNOWN_VALUE", f"match has no key {name!r}", accepted=_listed(MATCHED), at="match"))
    trigger = triggered(call, nth=nth, first=first, after=after, every=every, probability=probability)
    given = {name: value for name, value in arguments.items() if value is not None}
    return Draft(action, call.position, dict(words), given, dict(match or {}), side, trigger, label)


def _words_of(action: MessageAction) -> frozenset[str]:
    """The words that an action has in some protocol."""
    forms = [each.actions[action] for each in PROTOCOLS.values() if action in each.actions]
    own = {each.name for form in forms for each in form.arguments}
    return MATCHED | own | ({"status_code"} if "status" in own else set())


def _unknown(name: str, action: MessageAction) -> Wrong:
    known = _words_of(action)
    near = nearest_name(name, sorted(known)) or nearest_name(name, sorted(SHARED))
    message = f"unknown keyword {name!r}"
    return Wrong("UNKNOWN_KEYWORD", message, accepted=_listed(known | SHARED), nearest=near, at=name, naming=True)


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


When = dict[str, Any]


def _ruling(body: Any) -> Any:
    return with_keywords(body, drafted, _WHICH)


@builtin("response", _REST, unavailable=LATER)
@_ruling
def response(call: Call, when: When, **words: Any) -> Draft:
    """Answers instead of the service, which never hears of the request.

    With delay_ms alone the service answers, and each answer is held up once.
    On side="response" the service does hear of it, and its answer is replaced.

    **words: what the answer is (`status=`, `body=`, `value=` …) and which requests it is for (`method=`, `path=` …),
        as [the interface's protocol](#faults-on-messages) knows them
    """
    return drafted(call, MessageAction.RESPOND, words, {}, **when)


@builtin("error", _REST, drop=kinds.boolean, tls=kinds.choice(*TLS_FAULTS), unavailable=LATER)
@_ruling
def error(call: Call, when: When, *, drop: bool = False, tls: str | None = None, **words: Any) -> Draft:
    """Answers with an error of the protocol, which clients recognise as such.

    error(drop=True) is drop(refuse=True): nobody answers, connections are closed and new ones refused.

    error(tls=) is about the handshakes that callers begin from then on, at an interface with tls=; a connection
    that there is already goes on.

    drop: answer nothing, be gone
    tls: what is wrong with TLS: the certificate that is shown (`"expired"`, `"not_yet_valid"`, `"wrong_host"`,
        `"self_signed"`, `"untrusted"`: by an authority that nobody knows), or the handshake, which is refused
        (`"handshake"`, `"version"`), cut off (`"close"`) or never answered (`"hang"`)
    **words: what the error says (`status=`, `message=` …) and which requests it is for, as
        [the interface's protocol](#faults-on-messages) knows them
    """
    if tls is not None:
        return _of_tls(call, tls, when, words, drop=drop)
    if not drop:
        return drafted(call, MessageAction.ERROR, words, {}, **when)
    matched = {name: value for name, value in words.items() if name not in ("status", "status_code")}
    for name in words.keys() - matched.keys():
        if words[name] not in (0, None):
            raise Wrong("NO_EFFECT", f"drop=True answers nothing, so {name} has no meaning", at=name)
    return drafted(call, MessageAction.DROP, matched, {"refuse": True}, **when)


def _of_tls(call: Call, fault: str, when: When, words: Mapping[str, Any], *, drop: bool) -> Draft:
    given = [*words, *(name for name in ("match", "side") if when[name]), *(["drop"] if drop else [])]
    if given:
        raise Wrong(
            "NO_EFFECT", f"tls= is about handshakes, before anything is said: leave out {given[0]}", at=given[0]
        )
    return drafted(call, MessageAction.ERROR, {}, {"tls": fault}, **when)


_ENDING = {"after_bytes": kinds.at_least(0), "refuse": kinds.boolean}


@builtin("drop", _ENDING, _REST, unavailable=LATER)
@_ruling
def drop(call: Call, when: When, *, after_bytes: int | None = None, refuse: bool = False, **words: Any) -> Draft:
    """Closes the connection instead of sending a message on; with a message broker the message is lost instead.

    after_bytes: first send so many bytes of the answer's body (of the request's with side="request")
    refuse: close all connections at once and refuse new ones, as if nobody listened
    **words: which messages, as [the interface's protocol](#faults-on-messages) knows them
    """
    return _ended(call, MessageAction.DROP, when, words, after_bytes, refuse=refuse)


@builtin("reset", _ENDING, _REST, unavailable=LATER)
@_ruling
def reset(call: Call, when: When, *, after_bytes: int | None = None, refuse: bool = False, **words: Any) -> Draft:
    """Resets the connection (RST) instead of sending a message on: callers see ECONNRESET.

    after_bytes: first send so many bytes of the answer's body (of the request's with side="request")
    refuse: reset all connections at once and refuse new ones
    **words: which messages, as [the interface's protocol](#faults-on-messages) knows them
    """
    return _ended(call, MessageAction.RESET, when, words, after_bytes, refuse=refuse)


def _ended(
    call: Call, action: MessageAction, when: When, words: Mapping[str, Any], after_bytes: int | None, *, refuse: bool
) -> Draft:
    if refuse and after_bytes is not None:
        raise Wrong("NO_EFFECT", "refuse=True sends nothing on, so after_bytes has no meaning", at="after_bytes")
    return drafted(call, action, words, {"after_bytes": after_bytes, "refuse": refuse or None}, **when)


@builtin("hang", _REST, unavailable=LATER)
@_ruling
def hang(call: Call, when: When, **words: Any) -> Draft:
    """Never sends a message on; the connection stays open and silent.

    **words: which messages, as [the interface's protocol](#faults-on-messages) knows them
    """
    return drafted(call, MessageAction.HANG, words, {}, **when)


@builtin("duplicate", _REST, unavailable=LATER)
@_ruling
def duplicate(call: Call, when: When, **words: Any) -> Draft:
    """Sends a message twice; of the two answers the caller sees the first.

    **words: which messages, as [the interface's protocol](#faults-on-messages) knows them
    """
    return drafted(call, MessageAction.DUPLICATE, words, {}, **when)


def rate(value: Any, label: str) -> float:
    """a number of bytes a second, above zero"""
    number = kinds.number(value, label)
    if not 0 < number < float("inf"):
        raise Wrong("OUT_OF_RANGE", f"{label} must be a number of bytes a second above 0, got {number}")
    return float(number)


@builtin("slow", _REST, rate=rate, unavailable=LATER)
@_ruling
def slow(call: Call, when: When, *, rate: float, **words: Any) -> Draft:
    """Sends answers slowly (requests with side="request"), then lets the next rule decide.

    rate: how fast
    **words: which messages, as [the interface's protocol](#faults-on-messages) knows them
    """
    return drafted(call, MessageAction.SLOW, words, {"rate": rate}, **when)


@builtin("truncate", _REST, after_bytes=kinds.at_least(0), unavailable=LATER)
@_ruling
def truncate(call: Call, when: When, *, after_bytes: int | None = None, **words: Any) -> Draft:
    """Sends only the beginning of an answer (of a request with side="request"), then closes the connection.

    after_bytes: how much of its body; half of it where this is left out
    **words: which messages, as [the interface's protocol](#faults-on-messages) knows them
    """
    return drafted(call, MessageAction.TRUNCATE, words, {"after_bytes": after_bytes}, **when)


@builtin("corrupt", _REST, offset=kinds.at_least(0), length=kinds.at_least(1), unavailable=LATER)
@_ruling
def corrupt(call: Call, when: When, *, offset: int | None = None, length: int | None = None, **words: Any) -> Draft:
    """Changes bytes in the body of an answer (of a request with side="request"); its length stays.

    offset: where in the body; drawn from the seed where this is left out
    length: how many bytes; one where this is left out
    **words: which messages, as [the interface's protocol](#faults-on-messages) knows them
    """
    return drafted(call, MessageAction.CORRUPT, words, {"offset": offset, "length": length}, **when)


@builtin("rewrite", _REST, unavailable=LATER)
@_ruling
def rewrite(call: Call, when: When, **words: Any) -> Draft:
    """Changes what an answer says (or a request, with side="request") and sends it on.

    **words: what it says instead (`status=`, `json=`, `value=` …) and which messages, as
        [the interface's protocol](#faults-on-messages) knows them
    """
    return drafted(call, MessageAction.REWRITE, words, {}, **when)
