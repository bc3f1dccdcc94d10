"""What is done to a message's bytes, and whether it can be."""

from __future__ import annotations

from faultbox.model.message import Message, MessageAction, MessageDecision, MessageFault, MessageFired, Unknown
from faultbox.protocols.contract import Dialogue, Part
from faultbox.proxy.commands import Close, Reset
from faultbox.proxy.counting import Ledger
from faultbox.proxy.fates import PASSED, Cut, Slow
from faultbox.proxy.lane import FOREVER, Wait
from faultbox.proxy.streams import Stream
from faultbox.rules import draw

_CUTS = (MessageAction.TRUNCATE, MessageAction.DROP, MessageAction.RESET)


def possible(
    decision: MessageDecision, part: Part, message: Message, dialogue: Dialogue, ledger: Ledger
) -> MessageDecision:
    """The decision without an act that can't be done to this message: its rule has not fired then.

    A message that is rewritten is so from here on.
    """
    act = decision.act
    if act is None:
        return decision
    doubt = dialogue.refuses(act, message) or _spared(act, part)
    if not doubt and dialogue.needs_whole(act) and not part.last and not dialogue.turns:
        doubt = "the message was too large to be held whole"
    if act.action is MessageAction.REWRITE and not doubt:
        try:
            part.raw = dialogue.rewrite(act, message, part.raw)
        except Unknown as unknown:
            doubt = str(unknown) or "the message could not be rewritten as asked"
    if not doubt:
        return decision
    ledger.take_back(decision.fired[-1], doubt)
    return MessageDecision(decision.delay_ms, decision.rate, None, decision.fired[:-1])


def apply(stream: Stream, part: Part, message: Message, decision: MessageDecision, seed: int) -> None:
    """Send a message's first part on as decided, and set the fate of what follows."""
    act, raw = decision.act, part.raw
    stream.fate = Slow(decision.rate) if decision.rate else PASSED
    if act is not None:
        if act.action is MessageAction.HANG:
            stream.lane.push(Wait(FOREVER))
        elif act.action is MessageAction.CORRUPT:
            raw = corrupted(raw, part.payload, decision.fired[-1], message.identity, seed)
        elif act.action in _CUTS:
            stream.fate = _cut(act, part, decision.rate)
    stream.fate.take(raw, stream.lane)


def _spared(act: MessageFault, part: Part) -> str:
    """Why truncate() or corrupt() would leave a message as it is; "" where not, or where its length isn't known yet."""
    if act.action is MessageAction.CORRUPT and not part.raw:
        return "it is empty"
    if act.action is not MessageAction.TRUNCATE or (not part.last and part.body is None):
        return ""
    body = _body(part)
    if not body:
        return "it has no body to truncate"
    kept = _kept(act, part)
    return f"its body has no more than {kept} bytes" if body <= kept else ""


def _body(part: Part) -> int:
    """How long the message's body is, as far as it is known."""
    return len(part.raw) - part.payload if part.body is None else part.body


def _kept(act: MessageFault, part: Part) -> int:
    return int(act.arguments.get("after_bytes", _body(part) // 2))


def _cut(act: MessageFault, part: Part, rate: float) -> Cut:
    """How a message ends early: after that many bytes of its body, by default none, or half of it for truncate()."""
    if act.action is MessageAction.TRUNCATE:
        kept = part.payload + _kept(act, part)
    else:
        after = int(act.arguments.get("after_bytes", 0))
        kept = part.payload + after if after else 0
    return Cut(kept, Reset() if act.action is MessageAction.RESET else Close(), rate)


def corrupted(raw: bytes, payload: int, fired: MessageFired, identity: str, seed: int) -> bytes:
    """The message with `length` bytes of its body changed, where and to what is drawn unless `offset` says where.

    Every byte it touches differs afterwards. Without a body it is the whole message that suffers.
    """
    start = payload if payload < len(raw) else 0
    size = len(raw) - start
    if not size:
        return raw
    rule = fired.rule
    changed = bytearray(raw)
    wanted = rule.fault.arguments.get("offset")
    for turn in range(min(int(rule.fault.arguments.get("length", 1)), size)):
        where = draw(seed, rule.id, "where", identity, fired.number) * size if wanted is None else int(wanted)
        what = draw(seed, rule.id, f"what {turn}", identity, fired.number)
        changed[start + (int(where) + turn) % size] ^= 1 + int(what * 255)
    return bytes(changed)
