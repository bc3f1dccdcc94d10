"""The protocols a spec may name, the steps each of them offers and the faults it knows, as data.

`spec/` checks steps and faults against these tables while a spec loads or runs, `protocols/` does them.
What reaches a step's client (`Host.step(..., arguments)`) are plain Python values (str, bytes,
int, float, bool, None, list, dict) under the parameters' names, with defaults filled in, and
with two exceptions: a `timeout` arrives as `timeout_ms` (float), and a parameter whose default
is ABSENT is there only when it was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Any, Final, Literal

from faultbox.model.frozen import frozen
from faultbox.model.message import MessageAction, Side

Kind = Literal["text", "content", "strings", "any", "duration", "number", "flag", "sqlstate"]
"""What a parameter takes: a str; a str or bytes; a dict of str to str; anything that JSON can hold; `"3s"`; an int
or float; True or False; five digits and letters, or a name of model.sqlstates."""

ABSENT: Final = object()


@frozen
class Parameter:
    """One keyword of a step. The default of a duration is written as in a spec."""

    name: str
    kind: Kind
    default: Any = ABSENT
    doc: str = ""


@frozen
class Method:
    """One step: the parameters in the order in which positional arguments fill them."""

    name: str
    parameters: tuple[Parameter, ...]
    doc: str = ""


Glob = Literal["path", "text", "word", "own"]
"""How a match key's glob is compared: `path` (`*` within a segment, but at the end of a path anything), `text` (`*`
crosses anything), `word` (as text, whatever the case), `own` (by the protocol's `matcher`)."""


@frozen
class MatchKey:
    """A key that a message rule may match on; its value in a rule is a glob.

    A key with `entries` is written as a dict, `headers={"X-Tenant": "a*"}`, and stands in a rule's
    `match` as one entry each: `headers.X-Tenant`. With `whole` it may be one glob as well: `query="a=1*"`.
    """

    name: str
    glob: Glob
    doc: str = ""
    sides: tuple[Side, ...] = ("request", "response")
    entries: bool = False
    whole: bool = False


@frozen
class ActionForm:
    """An action on messages of a protocol: where it can be done, and its arguments.

    A duration arrives in a rule's `arguments` as milliseconds under a name that ends in `_ms`
    (`delay="3s"` as `delay_ms`); an argument that was not written is not there.
    """

    action: MessageAction
    sides: tuple[Side, ...]
    arguments: tuple[Parameter, ...] = ()
    doc: str = ""


@frozen
class Protocol:
    """A protocol of interface(). Without `methods` it can be declared, but this version has no steps for it.

    Without `actions` this version has no proxy for it. Keys of `match` are those of rules on requests
    and on responses; what a request was can be matched on its response too. `tls`: how a connection is secured:
    from its first byte, once both have agreed to in the protocol itself, or not at all (this version can't).
    """

    name: str
    methods: Mapping[str, Method] = field(default_factory=dict)
    match: Mapping[str, MatchKey] = field(default_factory=dict)
    actions: Mapping[MessageAction, ActionForm] = field(default_factory=dict)
    tls: Literal["first", "in-band", ""] = ""


_TIMEOUT = Parameter("timeout", "duration", "30s", "how long to wait for the whole answer")


def _http(name: str, doc: str) -> Method:
    return Method(
        name,
        (
            Parameter("path", "text", "/", "path, with or without a query string"),
            Parameter("body", "any", "", "sent as it is when a string or bytes, as JSON when a dict or list"),
            Parameter("headers", "strings", MappingProxyType({}), "request headers"),
            Parameter("query", "strings", MappingProxyType({}), "added to the path, percent-encoded"),
            Parameter("json", "any", ABSENT, "sent as JSON whatever its type, with a content type"),
            _TIMEOUT,
        ),
        doc,
    )


_HTTP = {
    name: _http(name, f"Sends {name.upper()}; redirects are not followed.")
    for name in ("get", "post", "put", "delete", "patch", "head", "options")
}
_TCP = {
    "send": Method(
        "send",
        (Parameter("data", "content", "", "sent with a newline at its end; nothing is sent when empty"), _TIMEOUT),
        "Sends a line and reads one.",
    )
}

_DATAGRAM = (
    Parameter("data", "content", "", "the datagram"),
    Parameter("hex", "text", "", "the datagram, in hexadecimal"),
    Parameter("timeout", "duration", "5s", "how long to wait for the answer"),
)
_UDP = {
    "send": Method("send", _DATAGRAM, "Sends a datagram and waits for one."),
    "send_no_reply": Method("send_no_reply", _DATAGRAM[:2], "Sends a datagram."),
}

_BOTH: Final[tuple[Side, ...]] = ("request", "response")
_SIZE = "bytes of the message's body (of all of it where the protocol has no body)"
_ENDING = (
    Parameter("after_bytes", "number", 0, f"first let that many through: {_SIZE}"),
    Parameter("refuse", "flag", doc="True: new connections are refused too"),
)

TLS_FAULTS: Final = (
    "expired", "not_yet_valid", "wrong_host", "self_signed", "untrusted", "handshake", "version", "close", "hang",
)  # fmt: skip
"""What error(tls=) can be: the certificate that callers are shown is wrong in that way, or the handshake fails."""

GENERIC: Final[Mapping[MessageAction, ActionForm]] = MappingProxyType(
    {
        form.action: form
        for form in (
            ActionForm(
                MessageAction.DELAY, _BOTH, (Parameter("delay", "duration"),), "Holds it up once, then sends it on."
            ),
            ActionForm(
                MessageAction.DROP,
                _BOTH,
                _ENDING,
                "Closes the connection instead of sending it on.",
            ),
            ActionForm(
                MessageAction.RESET,
                _BOTH,
                _ENDING,
                "As drop, but the connection is reset.",
            ),
            ActionForm(MessageAction.HANG, _BOTH, (), "Never sends it on; the connection stays open."),
            ActionForm(MessageAction.DUPLICATE, _BOTH, (), "Sends it twice; the second reply is kept back."),
            ActionForm(
                MessageAction.SLOW, _BOTH, (Parameter("rate", "number", doc="bytes a second"),), "Sends it slowly."
            ),
            ActionForm(
                MessageAction.TRUNCATE,
                _BOTH,
                (Parameter("after_bytes", "number", doc=f"keeps that many (default: half): {_SIZE}"),),
                "Sends only its beginning, then closes the connection.",
            ),
            ActionForm(
                MessageAction.CORRUPT,
                _BOTH,
                (
                    Parameter("offset", "number", doc="where in the body (default: drawn)"),
                    Parameter("length", "number", 1, "how many bytes"),
                ),
                "Changes bytes of its body (what frames them there too), drawn from the seed.",
            ),
        )
    }
)
"""Actions that the proxy does itself, for any protocol whose messages it can tell apart."""


def actions(*own: ActionForm, without: tuple[MessageAction, ...] = ()) -> Mapping[MessageAction, ActionForm]:
    """A protocol's actions: the generic ones but `without`, and its own (response, error, rewrite)."""
    forms = {action: form for action, form in GENERIC.items() if action not in without}
    return MappingProxyType({**forms, **{form.action: form for form in own}})


def match(*keys: MatchKey) -> Mapping[str, MatchKey]:
    return MappingProxyType({key.name: key for key in keys})


_LATER = Parameter("delay_ms", "number", doc="ms to wait before the answer; alone it only delays the real one")
_HTTP_ANSWER = (
    Parameter("status", "number"),
    Parameter("body", "any", doc="a string or bytes as it is, a dict or list as JSON"),
    Parameter("headers", "strings"),
)
_HTTP_MATCH = match(
    MatchKey("method", "word", "GET, POST …"),
    MatchKey("path", "path", "without the query string"),
    MatchKey("query", "text", "the query string as sent, or one of its parameters, decoded", entries=True, whole=True),
    MatchKey("headers", "text", "one header, whatever the case of its name", entries=True),
    MatchKey("body", "text", "the whole body as text"),
    MatchKey("json", "text", "a field of a JSON body, by its dotted path", entries=True),
    MatchKey("status", "text", "status of the response", ("response",)),
)
_HTTP_ACTIONS = actions(
    ActionForm(
        MessageAction.RESPOND,
        _BOTH,
        (*_HTTP_ANSWER, Parameter("json", "any", doc="its body as JSON, whatever its type"), _LATER),
        "Answers instead of the service.",
    ),
    ActionForm(
        MessageAction.ERROR,
        _BOTH,
        (Parameter("status", "number", 500), Parameter("message", "text", "injected fault")),
        'Answers {"error": message} with a status.',
    ),
    ActionForm(
        MessageAction.REWRITE,
        _BOTH,
        (*_HTTP_ANSWER, Parameter("json", "any", doc="JSON fields to set, by their dotted path")),
        "Changes the status (of a response), headers, body or JSON fields; a header set to None is removed.",
    ),
    ActionForm(
        MessageAction.DUPLICATE,
        _BOTH,
        (),
        "Once a request has been answered it is sent again, on a connection of its own; the end of the answer waits "
        "for the second one, which nobody hears, for up to 1 s. With side='response' the answer comes twice.",
    ),
)
_TCP_MATCH = match(
    MatchKey("data", "text", "the first bytes of a turn, as text"),
    MatchKey("method", "word", "the first word of a turn"),
)
_TCP_ACTIONS = actions(
    ActionForm(MessageAction.RESPOND, _BOTH, (Parameter("body", "content"), _LATER), "Answers instead of the service."),
)
_UDP_MATCH = match(MatchKey("data", "text", "the datagram's content, as text"))
_UDP_ACTIONS = actions(
    ActionForm(MessageAction.RESPOND, ("request",), (Parameter("body", "content"), _LATER), "Answers instead."),
    without=(MessageAction.RESET, MessageAction.HANG, MessageAction.SLOW),
)

_REDIS_KEY = Parameter("key", "text", doc="the key")
_REDIS_VALUE = Parameter("value", "any", doc="a string, bytes or a number")


def _redis(name: str, doc: str, *parameters: Parameter) -> Method:
    credentials = (
        Parameter("password", "text", doc="authenticates first; default: REDIS_PASSWORD of the service's environment"),
        Parameter("user", "text", doc="an ACL user, with a password; default: REDIS_USER of the service's environment"),
        _TIMEOUT,
    )
    return Method(name, (*parameters, *credentials), doc)


_REDIS = {
    method.name: method
    for method in (
        _redis("get", "GET: the value of a string, None where there is none.", _REDIS_KEY),
        _redis("set", "SET.", _REDIS_KEY, _REDIS_VALUE),
        _redis("delete", "DEL: how many keys there were.", _REDIS_KEY),
        _redis("del", 'DEL, for getattr(cache.main, "del"): `del` is a reserved word.', _REDIS_KEY),
        _redis("ping", "PING."),
        _redis("keys", "KEYS: a list.", Parameter("pattern", "text", "*", "a glob of Redis")),
        _redis("incr", "INCR: the new number.", _REDIS_KEY),
        _redis("lpush", "LPUSH: the new length.", _REDIS_KEY, _REDIS_VALUE),
        _redis("rpush", "RPUSH: the new length.", _REDIS_KEY, _REDIS_VALUE),
        _redis(
            "lrange",
            "LRANGE: a list.",
            _REDIS_KEY,
            Parameter("start", "any", "0", "index of the first item"),
            Parameter("stop", "any", "-1", "index of the last item, from the end where it is negative"),
        ),
        _redis(
            "command",
            "Any command.",
            Parameter("cmd", "text", doc="its name"),
            Parameter("args", "any", (), "a list of its arguments"),
        ),
    )
}
_REDIS_MATCH = match(
    MatchKey("command", "own", "name of the command, whatever the case; with its subcommand: `CONFIG SET`"),
    MatchKey("key", "own", "any of the command's keys; the channel, where it is about channels"),
    MatchKey("status", "text", "an error's code, a status line (OK), nil, or the kind of value", ("response",)),
    MatchKey("value", "text", "the reply, where it is one string or number", ("response",)),
)
_REDIS_ACTIONS = actions(
    ActionForm(
        MessageAction.RESPOND,
        _BOTH,
        (
            Parameter("value", "any", doc="None: nil; a string, a number, a list or a dict"),
            Parameter("body", "content", doc="as value, but an empty one is nil"),
            _LATER,
        ),
        "Answers instead of the service; within a transaction the value comes out of EXEC.",
    ),
    ActionForm(
        MessageAction.ERROR,
        _BOTH,
        (Parameter("message", "text", "injected fault", "a code alone (`READONLY`), or with its text"),),
        "Answers with an error.",
    ),
    ActionForm(MessageAction.REWRITE, ("response",), (Parameter("value", "any"),), "Changes the value of the reply."),
)


def _postgres(name: str, doc: str) -> Method:
    return Method(
        name,
        (
            Parameter("sql", "text", doc="one statement, with :a for what args has as a"),
            Parameter("args", "any", MappingProxyType({}), "values for its parameters, by name"),
            Parameter("user", "text", doc="default: POSTGRES_USER of the service's environment, else postgres"),
            Parameter("password", "text", doc="default: POSTGRES_PASSWORD of the service's environment"),
            Parameter("database", "text", doc="default: POSTGRES_DB of the service's environment, else the user"),
            _TIMEOUT,
        ),
        doc,
    )


_POSTGRES = {
    "query": _postgres("query", "Does a statement; data is a list of its rows, each a dict of column to value."),
    "exec": _postgres("exec", 'Does a statement; data is {"rows_affected": …}.'),
}
_POSTGRES_MATCH = match(
    MatchKey(
        "query",
        "own",
        "the statement, or one of several in one text, whatever the white space, case, comments and quotes of names; "
        "$1 and ? are the same",
    ),
    MatchKey("table", "own", "any table that the statement names, with or without its schema"),
    MatchKey(
        "command",
        "own",
        "SELECT, INSERT, BEGIN …, any of those in one text, or in one WITH; CONNECT begins a connection, CANCEL asks "
        "to stop",
    ),
    MatchKey("params", "text", "a bound parameter, by its number", entries=True),
    MatchKey("user", "word", "who is connected"),
    MatchKey("database", "text", "the database that is connected to"),
    MatchKey("status", "text", "the SQLSTATE of an error, or what was done: INSERT 0 1, SUSPENDED …", ("response",)),
)
_POSTGRES_ROWS = Parameter("rows", "any", doc="a list of dicts of column to value")
_POSTGRES_ACTIONS = actions(
    ActionForm(
        MessageAction.RESPOND,
        ("request",),
        (_POSTGRES_ROWS, Parameter("tag", "text", doc="what was done: `UPDATE 1`; default: by the statement"), _LATER),
        "Answers instead of the service, which does nothing.",
    ),
    ActionForm(
        MessageAction.ERROR,
        ("request",),
        (
            Parameter("message", "text", doc="default: PostgreSQL's words for the code"),
            Parameter("code", "sqlstate", doc="SQLSTATE or its name (disk_full); default: by the message, else XX000"),
            Parameter("detail", "text"),
            Parameter("hint", "text"),
            Parameter("table_name", "text"),
            Parameter("column_name", "text"),
            Parameter("constraint_name", "text"),
        ),
        "Fails with a SQLSTATE, and with it the transaction; some of them end the connection (57P01, 53300 …).",
    ),
    ActionForm(
        MessageAction.REWRITE,
        ("response",),
        (_POSTGRES_ROWS, Parameter("values", "any", doc="a dict of column to what it is in every row")),
        "Changes the rows of a result.",
    ),
    ActionForm(
        MessageAction.DUPLICATE,
        ("request",),
        (),
        "Does it twice, as two transactions where it is one by itself; the second result is kept back.",
    ),
)

_UNBUILT = (
    "http2", "grpc", "mysql", "kafka", "nats", "mongodb", "cassandra", "clickhouse",
    "amqp", "memcached",
)  # fmt: skip

PROTOCOLS: Final[Mapping[str, Protocol]] = MappingProxyType(
    {
        "http": Protocol("http", MappingProxyType(_HTTP), _HTTP_MATCH, _HTTP_ACTIONS, "first"),
        "tcp": Protocol("tcp", MappingProxyType(_TCP), _TCP_MATCH, _TCP_ACTIONS, "first"),
        "udp": Protocol("udp", MappingProxyType(_UDP), _UDP_MATCH, _UDP_ACTIONS),
        "redis": Protocol("redis", MappingProxyType(_REDIS), _REDIS_MATCH, _REDIS_ACTIONS, "first"),
        "postgres": Protocol("postgres", MappingProxyType(_POSTGRES), _POSTGRES_MATCH, _POSTGRES_ACTIONS, "in-band"),
        **{name: Protocol(name) for name in _UNBUILT},
    }
)
