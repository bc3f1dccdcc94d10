"""PostgreSQL at the proxy: statements and their results as messages, and what injected answers look like.

A statement that is to fail is replaced by one that the service itself must refuse, and the service's
error by ours: so the transaction it is in fails for the service as well, and ReadyForQuery says so. A COMMIT that
fails ends its transaction without what was done in it, so the service is asked to roll back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from faultbox.model.message import Message, MessageAction, MessageFault, Side, Unknown
from faultbox.protocols.contract import Dialogue, Part, Reply
from faultbox.protocols.postgres import sql
from faultbox.protocols.postgres.answering import Answering
from faultbox.protocols.postgres.asking import Asking
from faultbox.protocols.postgres.codes import FATAL, code_of, words_of
from faultbox.protocols.postgres.login import WANTED
from faultbox.protocols.postgres.messages import JOINT, Request, Response
from faultbox.protocols.postgres.rows import Rewriting, description, made_up_columns, rows
from faultbox.protocols.postgres.session import Awaited, Kind, Session
from faultbox.protocols.postgres.values import NoForm
from faultbox.protocols.postgres.wire import frame
from faultbox.rules import tester

_REFUSED: Final = b"faultbox: this statement was replaced by an injected fault\0"
"""No SQL: it is a syntax error in any state of a transaction. People find it in the service's log."""
_NAME: Final = b"faultbox\0"
_END: Final = re.compile(r"(commit|end|rollback|abort)( work| transaction)?( and no chain)?;?|prepare transaction .*")
"""Statements after which no transaction is left, whether they fail or not."""
_ROLLBACK: Final = b"ROLLBACK\0"
_BEGINS: Final = re.compile(r"(begin|start transaction)\b[^;]*;")
"""A text of several statements, of which the first opens a transaction: in that one it then fails."""
_REFUSED_WITHIN: Final = b"BEGIN; SELECT CAST('" + _REFUSED.removesuffix(b"\0") + b"' AS int)\0"
_COPIES_IN: Final = re.compile(r"copy\b.*\bfrom stdin\b.*")
_COPIES: Final = re.compile(r"copy\b.*\b(from stdin|to stdout)\b.*")
_REFUSE: Final = frame(b"P", _NAME + _REFUSED + b"\0\0")
_ROLL_BACK: Final = b"".join(
    (
        frame(b"P", _NAME + _ROLLBACK + b"\0\0"),
        frame(b"B", _NAME + _NAME + bytes(6)),
        frame(b"E", _NAME + bytes(4)),
        frame(b"C", b"S" + _NAME),
        _REFUSE,
    )
)
"""In the extended protocol, where an error must be the last of it: the service then skips what else was sent."""
_BIND_COMPLETE: Final = frame(b"2")
_NO_DATA: Final = frame(b"n")
_FLUSH: Final = frame(b"H")
_SYNC: Final = frame(b"S")
_FIELDS: Final = {"detail": b"D", "hint": b"H", "table_name": b"t", "column_name": b"c", "constraint_name": b"n"}
_STATEMENT_ONLY: Final = frozenset((MessageAction.RESPOND, MessageAction.DUPLICATE, MessageAction.REWRITE))


def dialogue() -> Dialogue:
    return PostgresDialogue()


def matcher(key: str, glob: str) -> Callable[[str], bool]:
    """A statement whatever its white space, case and comments; a table or command if it is any of the statement's."""
    if key == "query":
        return sql.glob(glob)
    meets = tester("word", glob)
    return lambda names: any(map(meets, names.split(JOINT))) if JOINT in names else meets(names)


class PostgresDialogue(Dialogue):
    """One connection of a PostgreSQL client."""

    def __init__(self) -> None:
        super().__init__()
        session = Session()
        self._login = session.login
        self._answering = Answering(session, self.waiting)
        self._asking = Asking(session, self._answering.frames)

    @property
    def editing(self) -> bool:  # type: ignore[override]
        """While a login is under way in TLS that ends here: what is offered to the client depends on it."""
        return self.reissued and not self._login.over

    def receive(self, side: Side, data: bytes) -> list[Part]:
        self._login.reissued = self.reissued
        if side == "request":
            self._asking.hold = "request" in self.interest.whole
            parts = self._asking.feed(data)
            self._give_up(self._asking.frames.broken)
            return parts
        interest = self.interest
        self._answering.hold = "response" in interest.whole or interest.wants("response", "status")
        parts = self._answering.feed(data)
        self.distortion, self._answering.distortion = self._answering.distortion, ""
        self._give_up(self._answering.opaque)
        return parts

    def end(self, side: Side) -> list[Part]:
        if side == "request" and self._login.withdrawn:
            self.distortion = WANTED
        rest = (self._asking if side == "request" else self._answering).rest()
        return [Part(rest)] if rest else []

    def refuses(self, fault: MessageFault, message: Message) -> str:
        """Only statements are answered with rows, rewritten or sent twice; rows must fit the columns there are."""
        request = message.request if isinstance(message, Response) else message
        if not isinstance(request, Request):
            return ""
        if fault.action in _STATEMENT_ONLY and request.statement is None:
            return f"it was a {request.verb}, not a statement"
        doubt = _indivisible(fault.action, request)
        if doubt:
            return doubt
        try:
            if fault.action is MessageAction.RESPOND:
                _result(request, fault.arguments)
        except NoForm as unfit:
            return f"no such answer: {unfit}"
        return ""

    def prompt(self, request: Message) -> bytes:
        """Flush: in the extended protocol the service may keep its answers until Sync."""
        return _FLUSH if isinstance(request, Request) and request.extended else b""

    def reply(self, fault: MessageFault, message: Message) -> Reply:
        """error(code=, message=) and response(rows=, tag=), in the protocol in which the statement came."""
        if not isinstance(message, Request):
            raise TypeError("only requests are answered")
        if fault.action is MessageAction.RESPOND:
            return self._instead(message, _result(message, fault.arguments), b"3", frame(b"C", b"P" + _NAME), b"\0")
        if message.verb == "CANCEL":
            return Reply(b"", close=True)
        code = code_of(fault.arguments.get("code", ""), fault.arguments.get("message", ""))
        fatal = code in FATAL or message.verb == "CONNECT"
        data = _failure(code, fault.arguments, fatal=fatal)
        if fatal:
            return Reply(data, close=True)
        shape = sql.shape(message.text or "")
        if _END.fullmatch(shape):
            return self._instead(message, data, b"E", _ROLL_BACK, _ROLLBACK)
        return self._instead(message, data, b"E", _REFUSE, _REFUSED_WITHIN if _BEGINS.match(shape) else _REFUSED)

    def rewrite(self, fault: MessageFault, message: Message, raw: bytes) -> bytes:
        """rewrite(rows=) or rewrite(values=): other rows, or other values in every row."""
        portal = message.request.portal if isinstance(message, Response) else None
        try:
            changed = Rewriting(fault.arguments, portal.columns if portal is not None else ()).changed(raw)
        except NoForm as unfit:
            raise Unknown(str(unfit)) from None
        if changed == raw:
            raise Unknown("it changes nothing: the result has no such columns, or these values already")
        return changed

    def _instead(self, request: Request, data: bytes, ends: bytes, extended: bytes, simple: bytes) -> Reply:
        """The service is asked something else, whose answer ends with `ends`, or with ReadyForQuery."""
        if isinstance(request.entry, Awaited):
            request.entry.ends = ends
            if request.entry.kind is Kind.SYNCED:
                extended += _SYNC
        return Reply(data, instead=extended if request.extended else frame(b"Q", simple))

    def _give_up(self, why: str) -> None:
        if why:
            self.opaque, self.why = True, why


def _indivisible(action: MessageAction, request: Request) -> str:
    """Why a statement is a conversation of several messages, which can't be made up or had twice."""
    shape = sql.shape(request.text or "")
    if action is MessageAction.RESPOND and _COPIES.fullmatch(shape):
        return "a COPY is answered with the data that it copies, or asks for it"
    if action is not MessageAction.DUPLICATE:
        return ""
    if request.extended and b"B" not in request.opening:
        return "its driver sends Bind and Execute apart, and what was bound once is done once"
    return "the data that it copies in would have to come twice" if _COPIES_IN.fullmatch(shape) else ""


def _failure(code: str, arguments: Mapping[str, Any], *, fatal: bool) -> bytes:
    """An ErrorResponse with the fields that PostgreSQL sends, but for its source's line."""
    severity = b"FATAL" if fatal else b"ERROR"
    message = arguments.get("message") or words_of(code)
    fields = [b"S" + severity, b"V" + severity, b"C" + code.encode("ascii", "replace")[:5], b"M" + _octets(message)]
    fields += [letter + _octets(arguments[name]) for name, letter in _FIELDS.items() if name in arguments]
    return frame(b"E", b"\0".join((*fields, b"\0")))


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape").replace(b"\0", b"")


def _result(request: Request, arguments: Mapping[str, Any]) -> bytes:
    """What a service would say that has done it: up to CommandComplete. Raises NoForm."""
    values: Sequence[Mapping[str, Any]] | None = arguments.get("rows")
    portal, opening = request.portal, request.opening
    columns: Sequence[Any] = portal.columns if portal is not None else ()
    if values is not None and not columns:
        columns = made_up_columns(values, portal.binding.results if portal is not None else ())
    data = _BIND_COMPLETE if b"B" in opening else b""
    if b"D" in opening or portal is None:
        data += description(columns) if values is not None else _NO_DATA if portal is not None else b""
    if values is not None:
        data += rows(values, columns)
    tag = arguments.get("tag") or _tag(request.command, len(values) if values is not None else None)
    return data + frame(b"C", _octets(tag) + b"\0")


def _tag(command: str, count: int | None) -> str:
    """What CommandComplete says: of one row where no rows are given, as if it had been done."""
    if command == "INSERT":
        return f"INSERT 0 {1 if count is None else count}"
    if command in ("UPDATE", "DELETE", "MERGE"):
        return f"{command} {1 if count is None else count}"
    return f"SELECT {count}" if count is not None else "SELECT 0" if command == "SELECT" else command
