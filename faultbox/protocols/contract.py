"""What a protocol is to the proxy: two passive readers of one connection, and a writer of answers.

A folder `protocols/<name>/` offers `faults.py` with `dialogue() -> Dialogue` and, where a match key
has an `own` glob, `matcher(key, glob)`. Nothing here does I/O or keeps time: bytes come in as they
were received, parts come out. docs/adding-a-protocol.md shows how.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import NamedTuple

from faultbox.model.message import Message, MessageAction, MessageFault, MessageRule, Side

HOLD_LIMIT = 16 * 1024 * 1024
"""No message is held whole beyond that many bytes: what is larger goes by in parts, and its body is Unknown."""


WHOLE = frozenset((MessageAction.REWRITE, MessageAction.DUPLICATE, MessageAction.CORRUPT))
"""Actions that need all bytes of a message at once."""


class Part:
    """A piece of one side's stream: a whole message, the beginning of one, or more of the one that has begun.

    The `raw` of all parts of a side, in order, is that side's stream, byte for byte: nothing is
    left out or made up. `message` is set where a message begins, and is what rules look at; a part
    without one continues the message before it, and bytes that belong to no message (a greeting's
    padding, what follows an upgrade) are continuations too. `last`: the message ends here.
    `payload` is where its body begins within `raw`; `body` is how long that is, where it is known before all of it has
    come.

    On the request side `replies` says that the service will answer it. On the response side it says
    that this is the answer to the oldest request that waits for one (False: an interim answer, a
    push, a greeting). `skips`: after it, that many of the requests that wait will never be answered (what follows a
    failure is skipped); the reader has taken them out of `waiting`. `tls`: once this part has been sent on, both
    sides begin TLS. `anew`: before it is sent on, the service is met on a new connection, in plain, and told this.

    A dialogue that is `editing` may have changed what a part holds: `size` is then how much of the stream it stands
    for.
    """

    __slots__ = ("anew", "body", "last", "message", "payload", "raw", "replies", "size", "skips", "tls")

    def __init__(
        self,
        raw: bytes,
        message: Message | None = None,
        *,
        last: bool = True,
        replies: bool = True,
        payload: int = 0,
        body: int | None = None,
        skips: int = 0,
        tls: bool = False,
        anew: bytes = b"",
        size: int | None = None,
    ) -> None:
        self.raw = raw
        self.message = message
        self.last = last
        self.replies = replies
        self.payload = payload
        self.body = body
        self.skips = skips
        self.tls = tls
        self.anew = anew
        self.size = len(raw) if size is None else size


class Reply(NamedTuple):
    """An answer made up in the service's stead. `close`: the connection ends after it.

    `instead` is sent to the service in place of the request, and what it answers is replaced by `data`: for a
    request that the service must know has failed (one of a transaction).
    """

    data: bytes
    close: bool = False
    instead: bytes = b""


@dataclass(frozen=True)
class Interest:
    """What the rules of an edge may ask of messages that begin from now on.

    `keys`: the match keys of rules on a side, without their entries (`headers`, not `headers.host`).
    `whole`: some rule needs all bytes of a message of that side at once, to repeat or rewrite them.
    """

    keys: Mapping[Side, frozenset[str]] = field(default_factory=dict)
    whole: frozenset[Side] = frozenset()
    changes: tuple[MessageFault, ...] = ()
    """What those rules do."""

    @classmethod
    def of(cls, rules: tuple[MessageRule, ...]) -> Interest:
        keys: dict[Side, frozenset[str]] = {}
        for rule in rules:
            names = frozenset(key.partition(".")[0] for key in rule.fault.match)
            keys[rule.fault.side] = keys.get(rule.fault.side, frozenset()) | names
        changes = tuple(rule.fault for rule in rules if rule.fault.action in WHOLE)
        return cls(keys, frozenset(each.side for each in changes), changes)

    def wants(self, side: Side, *names: str) -> bool:
        """Whether a rule on that side matches on one of the keys."""
        return not self.keys.get(side, frozenset()).isdisjoint(names)


NOTHING = Interest()


class Dialogue:
    """One connection as its protocol understands it. A protocol's folder subclasses it.

    `interest` changes when rules do, and counts for messages that begin afterwards: a reader may
    hold a message back (give no part yet) only as far as the interest needs it: up to its head, or
    whole. `opaque` becomes True when nothing more can be understood (bytes that make no sense, an
    upgrade, encryption): from then on bytes are only pumped, and no method is called again, but
    `end` for what is still held. `why` tells people the reason.
    """

    opaque = False
    why = ""
    turns = False
    """A message has no end of its own: it lasts until the other side says something, or the next one begins."""
    drop_swallows = False
    """What drop() means: the message vanishes (True), or the connection is closed (False)."""
    editing = False
    """The reader may change what passes, without any rule: it must be read before it is sent on."""
    distortion = ""
    """What went wrong on this connection because a proxy stands there, once something has."""
    reissued = False
    """TLS is ended here, and the caller was shown another certificate than the service's own: proofs that the caller
    has seen that one would fail."""

    def __init__(self) -> None:
        self.interest = NOTHING
        self.waiting: deque[Message] = deque()
        """Requests that the service was sent and has not answered, oldest first. The conversation appends to it; the
        reader of responses takes the first one out when it gives the first part of its answer."""

    def receive(self, side: Side, data: bytes) -> list[Part]:
        """Take what a side has sent; gives what can be passed on. Never raises, whatever the bytes.

        Bytes not given yet are held: when the reader gives up, it gives them all as a last part and
        becomes `opaque`.
        """
        raise NotImplementedError

    def quick_requests(self, data: bytes) -> Sequence[Message] | None:  # noqa: ARG002 - none by default
        """The shortcut: the requests of which `data` is exactly a whole number, each one answered by the service.

        Asked while nothing is held of either side, and instead of `receive`. None where it is anything else, or
        where it takes more than a glance to tell: nothing has changed then, and `receive` gets the same bytes.
        The conversation appends what it passes on to `waiting`. A message object that is given again for the same
        bytes has an attribute `lasting`, True: what rules say of it is remembered.
        """
        return None

    def quick_responses(self, data: bytes) -> int:  # noqa: ARG002 - none by default
        """The same for answers: how many of the oldest waiting requests `data` answers; 0 where it is anything else.

        It must answer them whole, with nothing left over. Nothing changes: the conversation takes the requests that
        were answered out of `waiting`.
        """
        return 0

    def answers(self, data: bytes) -> Sequence[Message]:
        """The answers that `quick_responses` has counted in these bytes, whole, for rules to look at."""
        raise NotImplementedError

    def end(self, side: Side) -> list[Part]:
        """A side has ended its stream: gives what was still held of it."""
        raise NotImplementedError

    def needs_whole(self, fault: MessageFault) -> bool:
        """Whether an act on a message needs all its bytes at once."""
        return fault.action in WHOLE

    def refuses(self, fault: MessageFault, message: Message) -> str:  # noqa: ARG002 - most protocols can always
        """Why an act makes no sense on a message that a rule met ("" where it does): it passes then, and is counted."""
        return ""

    def prompt(self, request: Message) -> bytes:  # noqa: ARG002 - most services answer at once
        """What to say instead of a request at which the connection ends, so that those before it are answered."""
        return b""

    def reply(self, fault: MessageFault, request: Message) -> Reply:
        """The answer of a response() or error(): to a request, or in place of a response."""
        raise NotImplementedError

    def again(self, message: Message, raw: bytes) -> bytes:  # noqa: ARG002 - most connections are sessions
        """How a whole request is asked a second time on a connection of its own, which the service ends after its
        answer; b"" where the same connection is the place for it."""
        return b""

    def ends(self, answer: Message) -> bool:  # noqa: ARG002 - most connections are sessions
        """Whether the service says with an answer that nothing will follow it on this connection."""
        return False

    def rewrite(self, fault: MessageFault, message: Message, raw: bytes) -> bytes:
        """A whole message, changed as rewrite() says. Raises model.message.Unknown where that can't be done to it."""
        raise NotImplementedError


def dialogue(name: str) -> Dialogue:
    """A new connection's dialogue, of a protocol that has a proxy. The protocol is imported when first asked for."""
    made: Dialogue = import_module(f"faultbox.protocols.{name}.faults").dialogue()
    return made


def matcher(name: str) -> Callable[[str, str], Callable[[str], bool]]:
    """(match key, glob) to a predicate, as the protocol's table says. Raises KeyError for a key it does not have."""
    from faultbox.model.protocols import PROTOCOLS
    from faultbox.rules.patterns import tester

    table = PROTOCOLS[name].match

    def test(key: str, glob: str) -> Callable[[str], bool]:
        kind = table[key.partition(".")[0]].glob
        if kind != "own":
            return tester(kind, glob)
        made: Callable[[str], bool] = import_module(f"faultbox.protocols.{name}.faults").matcher(key, glob)
        return made

    return test
