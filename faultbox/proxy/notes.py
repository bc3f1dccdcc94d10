"""What a conversation tells the trace: flat fields, both directions' summaries."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

from faultbox.model.message import Edge, Message, MessageDecision
from faultbox.proxy.commands import Command, Note


class Began(Protocol):
    """A request that a rule has met, and when it was passed on."""

    request: Message
    began_ns: int


class Notes:
    """Makes the events of one edge."""

    def __init__(self, edge: Edge) -> None:
        self._where = {"caller": edge.caller, "interface": edge.interface, "protocol": edge.protocol}

    def decided(self, message: Message, decision: MessageDecision, out: list[Command]) -> None:
        """Rules have fired on a message."""
        if not decision.fired:
            return
        rule = decision.fired[-1].rule
        fields = {
            "side": message.side,
            **message.summary,
            "decision": _words(decision),
            "delay_ms": f"{decision.delay_ms:g}" if decision.delay_ms else "",
            "rule": rule.id,
            "label": rule.fault.label,
        }
        self._note(fields, out)

    def answered(self, exchange: Began, answer: Message, out: list[Command]) -> None:
        """The service has answered a request that a rule had met."""
        duration_ms = (time.monotonic_ns() - exchange.began_ns) / 1e6
        summary = {**exchange.request.summary, **answer.summary}
        self._note({"side": "response", **summary, "decision": "pass", "duration_ms": f"{duration_ms:.3f}"}, out)

    def blind(self, why: str, out: list[Command]) -> None:
        """The conversation can't be followed any more, while rules stand."""
        self._note({"decision": "unseen", "reason": why}, out)

    def _note(self, fields: Mapping[str, str], out: list[Command]) -> None:
        out.append(Note({name: value for name, value in (*self._where.items(), *fields.items()) if value}))


def _words(decision: MessageDecision) -> str:
    """What was done, as a spec compares it: `error`, `delay(500ms)`, `slow`."""
    if decision.act is not None:
        return str(decision.act.action)
    if decision.delay_ms:
        whole = decision.delay_ms % 1000 == 0
        return f"delay({decision.delay_ms / 1000:g}s)" if whole else f"delay({decision.delay_ms:g}ms)"
    return "slow" if decision.rate else "pass"
