"""Changes to a message's bytes that need no knowledge of its protocol."""

from __future__ import annotations

from faultbox.model.message import MessageAction, MessageFault, MessageFired
from faultbox.protocols.contract import Part
from faultbox.proxy.commands import Close, Reset
from faultbox.proxy.fates import Cut
from faultbox.rules import draw

CUTS = (MessageAction.TRUNCATE, MessageAction.DROP, MessageAction.RESET)


def cut(act: MessageFault, part: Part, rate: float) -> Cut:
    """How a message ends early: after that many bytes of its body, by default none, or half of what truncate() met."""
    body = len(part.raw) - part.payload
    if act.action is MessageAction.TRUNCATE:
        kept = part.payload + int(act.arguments.get("after_bytes", body // 2))
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
